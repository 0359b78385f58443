#pragma once
// What the host's admin says of its network: `network.toml` in the state folder; else what the host
// itself goes by.

#include <string>
#include <string_view>
#include <vector>

#include "profiles/base/result.h"

namespace carrel::service {

struct NetworkSettings {
  std::vector<std::string> resolvers;  // "192.0.2.53:53"
  std::string proxy;                   // "192.0.2.1:3128", to be asked with CONNECT; "" for none
  std::string trust;                   // path of further roots in PEM; "" for none
  std::vector<std::string> nat64;      // "2001:db8:64::/96"
  bool operator==(const NetworkSettings&) const = default;
};

/// The file's text: `resolvers` (addresses with or without a port), `proxy`
/// ("http://ADDRESS:PORT"), `trust` (an absolute path) and `nat64` (prefixes), nothing else. An
/// Error names the line.
Result<NetworkSettings> parse_network_settings(std::string_view toml);

/// The name servers of a resolv.conf(5), at most three, as above.
std::vector<std::string> resolvers_of(std::string_view resolv_conf);

/// The settings of a state folder, with the host's resolvers where it names none. The caller's
/// mount namespace is the host's.
Result<NetworkSettings> read_network_settings(int state_fd);

/// PEM of whom inspected servers must be vouched for by: the host's own roots and the further ones.
Result<std::string> read_roots(const NetworkSettings& settings);

}  // namespace carrel::service
