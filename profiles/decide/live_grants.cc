#include "profiles/decide/live_grants.h"

#include <algorithm>
#include <cerrno>
#include <functional>
#include <utility>

#include "profiles/model/words.h"

namespace carrel::decide {

bool can_inspect(const model::Profile& profile, std::string_view host) {
  return std::any_of(profile.networks.begin(), profile.networks.end(), [host](const auto& network) {
    return network.host == host && network.mode == model::NetworkMode::kInspect;
  });
}

Result<model::Network> granted_network(const model::Profile& profile, const std::string& host,
                                       uint32_t port, std::string_view mode) {
  const Error bad{"this cannot be granted to a session", EINVAL};
  if (host.empty() || port == 0 || port > UINT16_MAX) return bad;
  model::Network network;
  network.budget = {kGrantedUp, kGrantedDown};
  const model::Network* known = network_for(profile, host, static_cast<uint16_t>(port));
  if (known != nullptr) network = *known;
  network.host = host;
  network.ports = {static_cast<uint16_t>(port)};
  if (mode == "inspect" && can_inspect(profile, host)) {
    network.mode = model::NetworkMode::kInspect;
    return network;
  }
  // What nobody reads has no rules and takes no credential.
  network.http.clear();
  network.credential.clear();
  if (mode == "passthrough") {
    network.mode = model::NetworkMode::kPassthrough;
  } else if (mode == "tcp") {
    network.mode = model::NetworkMode::kTcp;
  } else {
    return bad;
  }
  return network;
}

bool LiveGrants::add(std::string id, model::Network network) {
  const bool known = std::find(ids_.begin(), ids_.end(), id) != ids_.end();
  if (known || ids_.size() >= kMost) return false;
  ids_.push_back(std::move(id));
  networks_.push_back(std::move(network));
  return true;
}

bool LiveGrants::end(std::string_view id) {
  const auto found = std::find(ids_.begin(), ids_.end(), id);
  if (found == ids_.end()) return false;
  networks_.erase(networks_.begin() + (found - ids_.begin()));
  ids_.erase(found);
  return true;
}

bool LiveGrants::holds(const model::Network* network) const {
  return std::any_of(networks_.begin(), networks_.end(),
                     [network](const model::Network& each) { return &each == network; });
}

bool LiveGrants::grants(const model::Network& network) const {
  return std::find(networks_.begin(), networks_.end(), network) != networks_.end();
}

}  // namespace carrel::decide
