#pragma once
// What the packet filter refused, as it tells of it (nfnetlink_log): bytes of the kernel around
// bytes of the workspace. Pure but for the reading.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "broker/record/events/net_events.h"
#include "launcher/gateway/dial/address.h"

namespace carrel::gateway {

struct RefusedPacket {
  bool tcp = false;
  Address destination;
  uint16_t port = 0;
};

/// Destination of an IPv4 or IPv6 packet's first bytes (RFC 791, RFC 8200; extension headers are
/// not followed); nothing for what is neither TCP nor UDP.
std::optional<RefusedPacket> read_packet(std::string_view bytes);
/// The packets in one datagram of the log.
std::vector<RefusedPacket> read_log(std::string_view datagram);

/// The same destination once a minute, with how often it was tried.
class RefusedPackets {
 public:
  static constexpr uint64_t kMinuteNs = 60'000'000'000;
  static constexpr size_t kMostKept = 256;  // different ones a minute; beyond that the rest are one

  /// What is to be told now.
  std::optional<events::NetRefused> add(const RefusedPacket& packet, uint64_t now_ns);
  /// What the minute that is over adds.
  std::vector<events::NetRefused> tick(uint64_t now_ns);
  [[nodiscard]] uint64_t seen() const { return seen_; }

 private:
  std::map<std::tuple<bool, std::string, uint16_t>, uint64_t> again_;
  uint64_t began_ns_ = 0, seen_ = 0;
};

}  // namespace carrel::gateway
