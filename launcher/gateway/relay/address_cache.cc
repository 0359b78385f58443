#include "launcher/gateway/relay/address_cache.h"

#include <algorithm>

namespace carrel::gateway {

void AddressCache::keep(const std::string& name, std::vector<Address> addresses, uint64_t ttl_s,
                        uint64_t now_ns) {
  constexpr uint64_t kNsPerS = 1'000'000'000;
  kept_.erase(name);
  if (addresses.empty() || ttl_s == 0) return;
  if (kept_.size() >= kMost) {
    kept_.erase(std::min_element(kept_.begin(), kept_.end(), [](const auto& a, const auto& b) {
      return a.second.until_ns < b.second.until_ns;
    }));
  }
  kept_[name] = {std::move(addresses), now_ns + std::min(ttl_s, kLongestS) * kNsPerS};
}

const std::vector<Address>* AddressCache::find(const std::string& name, uint64_t now_ns) {
  const auto found = kept_.find(name);
  if (found == kept_.end()) return nullptr;
  if (now_ns < found->second.until_ns) return &found->second.addresses;
  kept_.erase(found);
  return nullptr;
}

}  // namespace carrel::gateway
