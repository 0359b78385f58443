#pragma once
// Where ssh finds the key, the certificate and the server's key of one alias. It may be root's:
// nothing is followed that another user could have put there.

#include <string>
#include <string_view>
#include <utility>

#include "broker/wire/ssh/keys.h"
#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::ssh_cli {

/// The folder that has one for each alias: $XDG_STATE_HOME/carrel-ssh where that is absolute, else
/// $HOME/.local/state/carrel-ssh. An Error where neither says.
Result<std::string> keys_path(std::string_view xdg_state_home, std::string_view home);

/// The folder of one alias, open and locked: two at once never mix one's key with the other's
/// certificate.
class KeyFolder {
 public:
  /// Makes it where it is missing, sets its mode to 0700, and waits for whoever has it locked (who
  /// asks the broker: 30 s). An Error where it, or the folder above, is a link or another user's.
  static Result<KeyFolder> open(const std::string& keys_path, const std::string& alias,
                                int wait_ms = 40'000);

  /// The key that is there; a new one where none is, or none that is a key and the caller's alone.
  Result<ssh::PublicKey> own_key();
  /// Puts a file in the place of the one of this name; whoever reads it reads one or the other.
  Status replace(const std::string& name, std::string_view bytes);

 private:
  KeyFolder(UniqueFd folder, std::string path)
      : folder_(std::move(folder)), path_(std::move(path)) {}
  Result<ssh::PublicKey> read_key();

  UniqueFd folder_;  // holds the lock
  std::string path_;
};

}  // namespace carrel::ssh_cli
