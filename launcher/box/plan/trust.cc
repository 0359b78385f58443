#include "launcher/box/plan/trust.h"

#include <algorithm>

namespace carrel::plan {

bool inspects(const model::Profile& profile) {
  return std::any_of(
      profile.networks.begin(), profile.networks.end(),
      [](const model::Network& network) { return network.mode == model::NetworkMode::kInspect; });
}

std::vector<std::pair<std::string, std::string>> trust_environment(
    const std::string& bundle_path, const std::string& authority_path) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const TrustVariable& each : kTrustVariables) {
    std::string value = "1";
    if (each.value == TrustValue::kBundle) value = bundle_path;
    if (each.value == TrustValue::kAuthority) value = authority_path;
    out.emplace_back(each.name, std::move(value));
  }
  return out;
}

}  // namespace carrel::plan
