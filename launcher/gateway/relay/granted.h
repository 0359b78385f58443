#pragma once
// Which rule lets a name, or a port of it, be reached. Pure.

#include <algorithm>
#include <string>

#include "profiles/model/profile.h"

namespace carrel::gateway {

/// The rule that names it; null for none.
inline const model::Network* rule_for(const model::Profile& profile, const std::string& name) {
  for (const model::Network& each : profile.networks) {
    if (each.host == name) return &each;
  }
  return nullptr;
}

/// The rule that grants the port, too; null for none.
inline const model::Network* rule_for(const model::Profile& profile, const std::string& name,
                                      uint16_t port) {
  const model::Network* network = rule_for(profile, name);
  if (network == nullptr) return nullptr;
  const bool granted =
      std::find(network->ports.begin(), network->ports.end(), port) != network->ports.end();
  return granted ? network : nullptr;
}

inline std::string rule_id(const model::Network& network) {
  return "network." + network.host;
}

}  // namespace carrel::gateway
