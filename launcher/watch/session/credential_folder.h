#pragma once
// The folder that the workspace sees as /run/carrel/credentials: NAME/token and NAME/jwks.json of a
// token, NAME/secret of a secret, replaced by rename so that a reader never sees half of one.

#include <string>
#include <string_view>

#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::session {

class CredentialFolder {
 public:
  /// The folder; only this object writes in it.
  explicit CredentialFolder(UniqueFd folder) : folder_(std::move(folder)) {}

  /// Writes or replaces both files; readable to everybody inside. `name` as profiles spell it.
  Status write(const std::string& name, std::string_view token, std::string_view jwks) const;
  /// The same of a secret.
  Status write_secret(const std::string& name, std::string_view secret) const;
  /// Removes the files and their folder. What is not there is no error.
  Status remove(const std::string& name) const;

  [[nodiscard]] int fd() const { return folder_.get(); }

 private:
  [[nodiscard]] Result<UniqueFd> make_folder(const std::string& name) const;
  UniqueFd folder_;
};

}  // namespace carrel::session
