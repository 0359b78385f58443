#pragma once
// Requests to one destination: which of their shapes stand out. Paths and queries are untrusted
// bytes. Pure, and bounded.

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <unordered_set>

#include "launcher/gateway/anomaly/words.h"

namespace carrel::gateway::anomaly {

/// "beacon": 51 requests whose 50 periods are nearly the same (coefficient of variation below a
/// tenth) and a second and more: a client that goes as fast as it can is even as well.
class Beacon {
 public:
  static constexpr size_t kRequests = 51;
  static constexpr double kUneven = 0.1;
  static constexpr uint64_t kLeastNs = kSecondNs;
  std::optional<Flag> add(uint64_t now_ns);

 private:
  std::deque<uint64_t> times_;
};

/// "scan": more than 200 different targets were answered 404 within ten minutes.
class Scan {
 public:
  static constexpr size_t kMost = 200;
  std::optional<Flag> add(std::string_view target, uint64_t now_ns);

 private:
  std::unordered_set<size_t> seen_;  // hashes
  uint64_t began_ns_ = 0;
};

/// "targets": more than 256 KiB of paths and queries within a minute.
class Targets {
 public:
  static constexpr uint64_t kMost = 256 * 1024;
  std::optional<Flag> add(uint64_t bytes, uint64_t now_ns);

 private:
  uint64_t bytes_ = 0, requests_ = 0, began_ns_ = 0;
};

/// "query": at least 2 KiB of a query's values, escapes undone, within ten minutes, in which a
/// byte says more than 4.5 bits (the entropy of their frequencies): packed or encrypted.
class QueryValues {
 public:
  static constexpr uint64_t kLeast = 2 * 1024;
  static constexpr double kBits = 4.5;
  std::optional<Flag> add(std::string_view query, uint64_t now_ns);

 private:
  void count(std::string_view value);
  [[nodiscard]] double bits() const;
  std::array<uint64_t, 256> counts_{};
  uint64_t bytes_ = 0, began_ns_ = 0;
};

}  // namespace carrel::gateway::anomaly
