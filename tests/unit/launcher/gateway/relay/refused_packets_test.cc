#include "launcher/gateway/relay/refused_packets.h"

#include <gtest/gtest.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>

#include <cstring>

namespace carrel::gateway {
namespace {

/// IPv4 with `options` bytes of them, to 8.8.8.8 port 443.
std::string packet_v4(uint8_t protocol, size_t options = 0) {
  std::string out(20 + options, '\0');
  out[0] = static_cast<char>(0x40 | (5 + options / 4));
  out[9] = static_cast<char>(protocol);
  std::memcpy(out.data() + 16, "\x08\x08\x08\x08", 4);
  return out + std::string("\xc0\x00\x01\xbb", 4);
}

std::string logged(const std::string& packet) {
  std::string attribute(sizeof(nlattr), '\0');
  nlattr head{static_cast<uint16_t>(sizeof head + packet.size()), NFULA_PAYLOAD};
  std::memcpy(attribute.data(), &head, sizeof head);
  attribute += packet;
  attribute.resize((attribute.size() + 3) / 4 * 4);
  std::string out(NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(nfgenmsg)), '\0');
  nlmsghdr header{};
  header.nlmsg_len = static_cast<uint32_t>(out.size() + attribute.size());
  header.nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET;
  std::memcpy(out.data(), &header, sizeof header);
  return out + attribute;
}

TEST(RefusedPackets, ReadsDestinationAndPort) {
  const auto tcp = read_packet(packet_v4(6));
  ASSERT_TRUE(tcp.has_value());
  EXPECT_TRUE(tcp->tcp);
  EXPECT_EQ(tcp->destination.text(), "8.8.8.8");
  EXPECT_EQ(tcp->port, 443);
  const auto udp = read_packet(packet_v4(17, 8));
  ASSERT_TRUE(udp.has_value());
  EXPECT_FALSE(udp->tcp);
  EXPECT_EQ(udp->port, 443);
  std::string six(40, '\0');
  six[0] = 0x60;
  six[6] = 17;
  six[39] = 1;
  const auto v6 = read_packet(six + std::string("\x00\x01\x00\x35", 4));
  ASSERT_TRUE(v6.has_value());
  EXPECT_EQ(v6->destination.text(), "::1");
  EXPECT_EQ(v6->port, 53);
}

TEST(RefusedPackets, WhatIsCutOrOfAnotherKindIsNone) {
  EXPECT_FALSE(read_packet(packet_v4(1)).has_value());  // ICMP
  const std::string whole = packet_v4(6, 12);
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(read_packet(whole.substr(0, size)).has_value()) << size;
}

TEST(RefusedPackets, ReadsEveryMessageOfADatagramAndNothingBehindADamagedOne) {
  const std::string two = logged(packet_v4(6)) + logged(packet_v4(17));
  EXPECT_EQ(read_log(two).size(), 2U);
  EXPECT_EQ(read_log(two.substr(0, two.size() - 1)).size(), 1U);
  std::string damaged = two;
  damaged[0] = 3;  // shorter than a header
  EXPECT_TRUE(read_log(damaged).empty());
  std::string attribute = two;
  attribute[NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(nfgenmsg))] = 1;
  EXPECT_EQ(read_log(attribute).size(), 1U);
}

TEST(RefusedPackets, AreToldOnceAMinuteWithTheirCount) {
  RefusedPackets refused;
  const RefusedPacket packet = *read_packet(packet_v4(6));
  ASSERT_TRUE(refused.add(packet, 10).has_value());
  EXPECT_FALSE(refused.add(packet, 11).has_value());
  EXPECT_EQ(refused.seen(), 2U);
  const auto again = refused.tick(10 + RefusedPackets::kMinuteNs);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].address, "8.8.8.8");
  EXPECT_EQ(again[0].count, 1U);
}

TEST(RefusedPackets, FillNoMemory) {
  RefusedPackets refused;
  RefusedPacket packet;
  size_t told = 0;
  for (unsigned i = 0; i < 1000; ++i) {
    packet.port = static_cast<uint16_t>(i + 1);
    told += refused.add(packet, 1).has_value() ? 1U : 0U;
  }
  EXPECT_EQ(told, RefusedPackets::kMostKept + 1);
}

}  // namespace
}  // namespace carrel::gateway
