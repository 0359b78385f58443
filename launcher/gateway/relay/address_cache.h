#pragma once
// What name servers answered, for as long as they said that it holds. Pure.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "launcher/gateway/dial/address.h"

namespace carrel::gateway {

class AddressCache {
 public:
  static constexpr uint64_t kLongestS = 60;
  static constexpr size_t kMost = 256;  // names; beyond it the one that ends first goes

  /// Nothing is kept of an empty list or a `ttl_s` of 0 (RFC 1035 3.2.1). Times are
  /// CLOCK_MONOTONIC.
  void keep(const std::string& name, std::vector<Address> addresses, uint64_t ttl_s,
            uint64_t now_ns);
  /// None of its addresses could be reached: the next one asks anew.
  void forget(const std::string& name) { kept_.erase(name); }
  /// nullptr where nothing is known any more. Valid until the next call.
  const std::vector<Address>* find(const std::string& name, uint64_t now_ns);

 private:
  struct Kept {
    std::vector<Address> addresses;
    uint64_t until_ns = 0;
  };
  std::map<std::string, Kept> kept_;
};

}  // namespace carrel::gateway
