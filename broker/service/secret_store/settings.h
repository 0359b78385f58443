#pragma once
// What an admin writes of an HTTP secret store (secrets.toml, [store.http]). Pure.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace carrel::secret_store {

/// Largest secret that is taken from a store.
inline constexpr size_t kMaxValue = size_t{64} << 10;

/// Where one secret lies: a field of an entry of KV version 2.
struct Item {
  std::string path;   // "ci/deploy", below the mount
  std::string field;  // of the entry's data
  bool operator==(const Item&) const = default;
};

/// Everything is checked where it is read: the parts of paths are letters, digits, '.', '_' and
/// '-', so that none of it has to be escaped in a URL.
struct Settings {
  std::string host;  // a name, or an address without brackets; the certificate must be for it
  uint16_t port = 443;
  std::string role_id;
  std::string auth_mount = "approle";
  std::string name_space;  // sent as X-Vault-Namespace; "": none
  std::string mount = "secret";
  uint64_t timeout_ms = 10'000;                    // of one question, login included
  std::map<std::string, Item, std::less<>> items;  // by the NAME of secret:NAME

  /// What a running client holds on to: its token is of this role at this place.
  [[nodiscard]] bool same_place(const Settings& other) const {
    return host == other.host && port == other.port && role_id == other.role_id &&
           auth_mount == other.auth_mount && name_space == other.name_space;
  }
  bool operator==(const Settings&) const = default;
};

}  // namespace carrel::secret_store
