#pragma once
// The value behind a credential's `from`, out of the places that the admin has set up. Read anew
// each time, so that a secret that is replaced needs no restart.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "broker/service/secret_store/settings.h"
#include "broker/service/secrets/config.h"
#include "broker/service/secrets/secret_file.h"
#include "profiles/base/result.h"
#include "profiles/base/secret.h"
#include "profiles/base/unique_fd.h"

namespace carrel::secrets {

/// What a name stands for: the value itself, or where in the store it lies.
struct Found {
  Secret value;
  std::optional<secret_store::Item> item;
  std::optional<secret_store::Settings> store;  // with `item`: as they are now
};

class Sources {
 public:
  /// `folder`: secrets/ of the state folder, which may hold a secrets.toml (config.h).
  /// `credentials`: $CREDENTIALS_DIRECTORY of the service's unit (systemd.exec(5)), or invalid.
  Sources(UniqueFd folder, UniqueFd credentials)
      : folder_(std::move(folder)), credentials_(std::move(credentials)) {}

  /// Of "secret:NAME" the file NAME, of "ca:NAME" the file ca.NAME, so that no profile can hand out
  /// an authority's key as a secret. The first place that has it answers; one that has it, but not
  /// as it must be, is an Error, and no other place is asked. A store has the names that its table
  /// lists, of "secret:" alone. An Error says what is missing or wrong, where, and what to do;
  /// never a byte of a secret.
  [[nodiscard]] Result<Found> find(std::string_view from) const;
  /// A file that is the admin's and no profile's: store.secret-id, store.ca. Of the folder, else of
  /// the unit.
  [[nodiscard]] Result<Secret> own_file(const std::string& name) const;
  /// The store that secrets.toml names now, if any.
  [[nodiscard]] Result<std::optional<secret_store::Settings>> store() const;

 private:
  [[nodiscard]] Result<Secret> look(std::span<const Source> sources, const std::string& file,
                                    std::string* looked) const;
  UniqueFd folder_;
  UniqueFd credentials_;
};

}  // namespace carrel::secrets
