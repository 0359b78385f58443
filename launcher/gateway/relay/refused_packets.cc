#include "launcher/gateway/relay/refused_packets.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>

#include <algorithm>
#include <cstring>

namespace carrel::gateway {
namespace {

constexpr uint8_t kTcp = 6;
constexpr uint8_t kUdp = 17;

uint8_t byte_at(std::string_view bytes, size_t at) {
  return static_cast<uint8_t>(bytes[at]);
}

std::optional<RefusedPacket> with_port(RefusedPacket packet, uint8_t protocol,
                                       std::string_view transport) {
  if ((protocol != kTcp && protocol != kUdp) || transport.size() < 4) return std::nullopt;
  packet.tcp = protocol == kTcp;
  packet.port = static_cast<uint16_t>(byte_at(transport, 2) << 8 | byte_at(transport, 3));
  return packet;
}

/// The attribute NFULA_PAYLOAD of a message behind its general header.
std::string_view payload_of(std::string_view attributes) {
  while (attributes.size() >= sizeof(nlattr)) {
    nlattr head{};
    std::memcpy(&head, attributes.data(), sizeof head);
    if (head.nla_len < sizeof head || head.nla_len > attributes.size()) return {};
    if ((head.nla_type & NLA_TYPE_MASK) == NFULA_PAYLOAD) {
      return attributes.substr(sizeof head, head.nla_len - sizeof head);
    }
    attributes.remove_prefix(std::min<size_t>(NLA_ALIGN(head.nla_len), attributes.size()));
  }
  return {};
}

}  // namespace

std::optional<RefusedPacket> read_packet(std::string_view bytes) {
  constexpr size_t kHeaderV4 = 20;
  constexpr size_t kHeaderV6 = 40;
  if (bytes.empty()) return std::nullopt;
  RefusedPacket packet;
  const unsigned version = byte_at(bytes, 0) >> 4;
  if (version == 4 && bytes.size() >= kHeaderV4) {
    const size_t length = size_t{byte_at(bytes, 0) & 0xfU} * 4;
    if (length < kHeaderV4 || bytes.size() < length) return std::nullopt;
    std::memcpy(packet.destination.bytes.data(), bytes.data() + 16, 4);
    return with_port(packet, byte_at(bytes, 9), bytes.substr(length));
  }
  if (version == 6 && bytes.size() >= kHeaderV6) {
    packet.destination.v6 = true;
    std::memcpy(packet.destination.bytes.data(), bytes.data() + 24, 16);
    return with_port(packet, byte_at(bytes, 6), bytes.substr(kHeaderV6));
  }
  return std::nullopt;
}

std::vector<RefusedPacket> read_log(std::string_view datagram) {
  std::vector<RefusedPacket> out;
  while (datagram.size() >= sizeof(nlmsghdr)) {
    nlmsghdr header{};
    std::memcpy(&header, datagram.data(), sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > datagram.size()) break;
    constexpr size_t kFront = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(nfgenmsg));
    if (header.nlmsg_type == (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET) &&
        header.nlmsg_len > kFront) {
      const std::string_view message = datagram.substr(0, header.nlmsg_len);
      if (const auto packet = read_packet(payload_of(message.substr(kFront)))) {
        out.push_back(*packet);
      }
    }
    datagram.remove_prefix(std::min<size_t>(NLMSG_ALIGN(header.nlmsg_len), datagram.size()));
  }
  return out;
}

std::optional<events::NetRefused> RefusedPackets::add(const RefusedPacket& packet,
                                                      uint64_t now_ns) {
  ++seen_;
  if (again_.empty()) began_ns_ = now_ns;
  std::tuple<bool, std::string, uint16_t> key{packet.tcp, packet.destination.text(), packet.port};
  if (again_.size() >= kMostKept && !again_.contains(key)) key = {packet.tcp, "others", 0};
  const auto [place, fresh] = again_.try_emplace(key, 0);
  if (!fresh) {
    ++place->second;
    return std::nullopt;
  }
  return events::NetRefused{std::get<0>(key) ? "tcp" : "udp", std::get<1>(key), std::get<2>(key),
                            1};
}

std::vector<events::NetRefused> RefusedPackets::tick(uint64_t now_ns) {
  std::vector<events::NetRefused> out;
  if (again_.empty() || now_ns - began_ns_ < kMinuteNs) return out;
  for (const auto& [key, count] : again_) {
    if (count == 0) continue;
    out.push_back({std::get<0>(key) ? "tcp" : "udp", std::get<1>(key), std::get<2>(key), count});
  }
  again_.clear();
  return out;
}

}  // namespace carrel::gateway
