#pragma once
// What a profile says of its credentials beside their own tables.

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/model/profile.h"

namespace carrel::model {

/// The [[credential]] of that name, or null.
inline const Credential* find_credential(const Profile& profile, std::string_view name) {
  const auto found = std::find_if(profile.credentials.begin(), profile.credentials.end(),
                                  [name](const Credential& each) { return each.name == name; });
  return found == profile.credentials.end() ? nullptr : &*found;
}

/// Of the kinds that never come into a workspace: the gateway holds them.
inline bool is_outside(CredentialKind kind) {
  return kind == CredentialKind::kHeader || kind == CredentialKind::kX509;
}

inline constexpr size_t kMostUsers = 64;
/// The hosts whose [[network]] tables put it in, each once, in the profile's order; the first
/// kMostUsers of them.
inline std::vector<std::string> users_of(const Profile& profile, std::string_view name) {
  std::vector<std::string> hosts;
  for (const Network& network : profile.networks) {
    const bool known = std::find(hosts.begin(), hosts.end(), network.host) != hosts.end();
    if (network.credential == name && !known && hosts.size() < kMostUsers)
      hosts.push_back(network.host);
  }
  return hosts;
}

}  // namespace carrel::model
