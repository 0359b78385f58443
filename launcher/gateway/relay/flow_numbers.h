#pragma once
// One number from a query to the end of the connection that follows it. Pure.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace carrel::gateway {

class FlowNumbers {
 public:
  /// `next` outlives this: the first number, and from then on the next one.
  explicit FlowNumbers(uint64_t& next) : next_(next) {}
  /// Of a query: that of the next connection to the name. Asked again before it: the same.
  uint64_t asked(const std::string& name) {
    const auto [place, fresh] = next_of_.try_emplace(name, next_);
    if (fresh) ++next_;
    return place->second;
  }
  /// Of a connection.
  uint64_t opened(const std::string& name) {
    const auto place = next_of_.find(name);
    if (place == next_of_.end()) return next_++;
    const uint64_t number = place->second;
    next_of_.erase(place);
    return number;
  }

 private:
  uint64_t& next_;
  std::map<std::string, uint64_t> next_of_;  // bounded: allowed names alone are numbered
};

}  // namespace carrel::gateway
