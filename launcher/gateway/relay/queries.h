#pragma once
// What the record says of queries: each name and type once a minute, with how often. And how many
// are answered at all. Pure.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/record/events/net_events.h"

namespace carrel::gateway {

class Queries {
 public:
  static constexpr uint64_t kSecondNs = 1'000'000'000;
  static constexpr uint64_t kMinuteNs = 60 * kSecondNs;
  static constexpr unsigned kASecond = 50;   // more are answered with a failure
  static constexpr size_t kMostKept = 4000;  // different ones a minute; the rest are one

  /// False: too many in this second.
  bool may_ask(uint64_t now_ns);
  /// What is to be told now; nothing for one of this minute.
  std::optional<events::DnsQuery> add(events::DnsQuery query, uint64_t now_ns);
  /// What the minute that is over adds.
  std::vector<events::DnsQuery> tick(uint64_t now_ns);

 private:
  std::map<std::pair<std::string, std::string>, events::DnsQuery> again_;
  uint64_t minute_ns_ = 0, second_ns_ = 0;
  unsigned in_second_ = 0;
};

/// "A", "AAAA", "HTTPS", … or "TYPE65280" (RFC 3597 5).
std::string type_text(uint16_t type);

}  // namespace carrel::gateway
