#pragma once
// The value behind a credential's `from`, out of the places that the admin has set up. Read anew
// each time, so that a secret that is replaced needs no restart.

#include <string>
#include <string_view>

#include "broker/service/secrets/secret_file.h"
#include "profiles/base/result.h"
#include "profiles/base/secret.h"
#include "profiles/base/unique_fd.h"

namespace carrel::secrets {

class Sources {
 public:
  /// `folder`: secrets/ of the state folder, which may hold a secrets.toml (config.h).
  /// `credentials`: $CREDENTIALS_DIRECTORY of the service's unit (systemd.exec(5)), or invalid.
  Sources(UniqueFd folder, UniqueFd credentials)
      : folder_(std::move(folder)), credentials_(std::move(credentials)) {}

  /// Of "secret:NAME" the file NAME, of "ca:NAME" the file ca.NAME, so that no profile can hand out
  /// an authority's key as a secret. The first place that has it answers; one that has it, but not
  /// as it must be, is an Error, and no other place is asked. An Error says what is missing or
  /// wrong, where, and what to do; never a byte of a secret.
  [[nodiscard]] Result<Secret> value_of(std::string_view from) const;

 private:
  UniqueFd folder_;
  UniqueFd credentials_;
};

}  // namespace carrel::secrets
