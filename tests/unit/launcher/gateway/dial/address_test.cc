// Where no name may lead, in every form in which such an address can be written.

#include "launcher/gateway/dial/address.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace carrel::gateway {
namespace {

Address at(std::string_view text) {
  return Address::parse(text).take();
}
std::string why(std::string_view text, const std::vector<Network>& granted = {}) {
  return std::string(why_not_dialled(at(text), {{at("203.0.114.9"), at("2a00::9")}, {}}, granted));
}
/// The same where the host's network has a NAT64 with this prefix.
std::string behind(std::string_view prefix, std::string_view text,
                   const std::vector<Network>& granted = {}) {
  const HostNetwork host{{at("203.0.114.9"), at("2a00:64::9")}, {parse_nat64(prefix).take()}};
  return std::string(why_not_dialled(at(text), host, granted));
}

TEST(Dialled, AddressesOfOtherHostsAre) {
  for (const char* text :
       {"1.1.1.1", "8.8.8.8", "93.184.216.34", "100.63.255.255", "100.128.0.0", "172.15.255.255",
        "172.32.0.0", "192.0.1.0", "192.167.255.255", "198.17.255.255", "198.20.0.0",
        "223.255.255.255", "11.0.0.0", "9.255.255.255", "2606:4700::1111", "2a00::1", "2003::1",
        "2001:4860:4860::8888"})
    EXPECT_EQ(why(text), "") << text;
}

TEST(Dialled, AddressesOfTheMachineAndTheCompanyAreNot) {
  EXPECT_EQ(why("0.0.0.0"), "unspecified");
  EXPECT_EQ(why("0.1.2.3"), "this-network");
  EXPECT_EQ(why("10.255.255.255"), "private");
  EXPECT_EQ(why("172.16.0.0"), "private");
  EXPECT_EQ(why("172.31.255.255"), "private");
  EXPECT_EQ(why("192.168.0.1"), "private");
  EXPECT_EQ(why("100.64.0.1"), "shared-nat");
  EXPECT_EQ(why("127.0.0.1"), "loopback");
  EXPECT_EQ(why("127.255.255.254"), "loopback");
  EXPECT_EQ(why("169.254.0.1"), "link-local");
  EXPECT_EQ(why("192.0.0.8"), "protocol");
  EXPECT_EQ(why("198.18.0.1"), "synthetic");
  EXPECT_EQ(why("198.19.255.255"), "synthetic");
  EXPECT_EQ(why("224.0.0.1"), "multicast");
  EXPECT_EQ(why("240.0.0.1"), "reserved");
  EXPECT_EQ(why("255.255.255.255"), "reserved");
  EXPECT_EQ(why("203.0.114.9"), "own");
  EXPECT_EQ(why("::"), "unspecified");
  EXPECT_EQ(why("::1"), "loopback");
  EXPECT_EQ(why("fd12:3456::1"), "private");
  EXPECT_EQ(why("fe80::1"), "link-local");
  EXPECT_EQ(why("febf::1"), "link-local");
  EXPECT_EQ(why("fec0::1"), "reserved");
  EXPECT_EQ(why("ff02::1"), "multicast");
  EXPECT_EQ(why("4000::1"), "reserved");
  EXPECT_EQ(why("2001:db8::1"), "documentation");
  EXPECT_EQ(why("2a00::9"), "own");
}

TEST(Dialled, MetadataServicesHaveTheirWord) {
  for (const char* text :
       {"169.254.169.254", "169.254.170.2", "168.63.129.16", "100.100.100.200", "fd00:ec2::254"})
    EXPECT_EQ(why(text), "metadata") << text;
}

TEST(Dialled, AnAddressInsideAnotherIsNot) {
  EXPECT_EQ(why("::ffff:127.0.0.1"), "v4-mapped");
  EXPECT_EQ(why("::ffff:8.8.8.8"), "v4-mapped");
  EXPECT_EQ(why("::ffff:0:127.0.0.1"), "v4-translated");
  EXPECT_EQ(why("::127.0.0.1"), "v4-compatible");
  EXPECT_EQ(why("64:ff9b::7f00:1"), "nat64");
  EXPECT_EQ(why("64:ff9b:1::a00:1"), "nat64");
  EXPECT_EQ(why("2002:7f00:1::"), "6to4");
  EXPECT_EQ(why("2001:0:4136:e378:8000:63bf:80ff:fffe"), "teredo");
  EXPECT_EQ(why("2a00::5efe:a00:1"), "isatap");
  EXPECT_EQ(why("2a00::200:5efe:a00:1"), "isatap");
  EXPECT_EQ(why("2a00::1:5efe:a00:1"), "");
}

/// RFC 6052 2.4: 192.0.2.33 behind each length of a prefix.
struct Example {
  const char* prefix;
  const char* address;
};
constexpr std::array<Example, 7> kExamples = {{
    {"2001:db8::/32", "2001:db8:c000:221::"},
    {"2001:db8:100::/40", "2001:db8:1c0:2:21::"},
    {"2001:db8:122::/48", "2001:db8:122:c000:2:2100::"},
    {"2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"},
    {"2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"},
    {"2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"},
    {"64:ff9b::/96", "64:ff9b::192.0.2.33"},
}};

TEST(Nat64, HoldsTheAddressThatRfc6052Says) {
  const std::vector<Network> granted{Network::parse("192.0.2.32/30").take()};
  const std::vector<Network> of_ipv6{Network::parse("::/0").take()};
  for (const auto& [prefix, address] : kExamples) {
    EXPECT_EQ(embedded(parse_nat64(prefix).take(), at(address)).text(), "192.0.2.33") << prefix;
    EXPECT_EQ(behind(prefix, address), "documentation") << prefix;
    EXPECT_EQ(behind(prefix, address, granted), "") << prefix;
    EXPECT_EQ(behind(prefix, address, of_ipv6), "documentation") << prefix;
  }
}

TEST(Nat64, LeadsToNoAddressThatIsNotDialledItself) {
  constexpr const char* kPrefix = "2a00:64::/96";
  EXPECT_EQ(why("2a00:64::10.0.0.5"), "");  // of which nobody has said so
  EXPECT_EQ(behind(kPrefix, "2a00:64::10.0.0.5"), "private");
  EXPECT_EQ(behind(kPrefix, "2a00:64::127.0.0.1"), "loopback");
  EXPECT_EQ(behind(kPrefix, "2a00:64::169.254.169.254"), "metadata");
  EXPECT_EQ(behind(kPrefix, "2a00:64::203.0.114.9"), "own");
  EXPECT_EQ(behind(kPrefix, "2a00:64::9"), "own");
  EXPECT_EQ(behind(kPrefix, "2a00:64::0.0.0.8"), "this-network");
  EXPECT_EQ(behind(kPrefix, "2a00:64::8.8.8.8"), "");
  EXPECT_EQ(behind(kPrefix, "2a00:64::1:808:808"), "");  // behind another prefix
  EXPECT_EQ(behind("2a00:64::/32", "2a00:64:a00:5::"), "private");
  EXPECT_EQ(behind("2a00:64::/64", "2a00:64::a:0:500:0"), "private");
  EXPECT_EQ(behind("fd00:64::/96", "fd00:64::8.8.8.8"), "");
  EXPECT_EQ(behind("fd00:64::/96", "fd00:64::10.0.0.5"), "private");
  EXPECT_EQ(behind("64:ff9b::/96", "64:ff9b::8.8.8.8"), "");
  EXPECT_EQ(behind("64:ff9b:1::/48", "64:ff9b:1:a00:0:500::"), "private");
}

TEST(Nat64, HoldsNothingWhereTheOctetInItsMidstIsSet) {
  EXPECT_EQ(behind("2a00:64::/32", "2a00:64:808:808::"), "");
  EXPECT_EQ(behind("2a00:64::/32", "2a00:64:808:808:100::"), "nat64");
}

TEST(Nat64, MakesNoAddressGoodThatIsBadItself) {
  EXPECT_EQ(behind("fd00:ec2::/32", "fd00:ec2:808:808::"), "metadata");
}

TEST(Nat64, PrefixesAreReadStrictly) {
  for (const auto& [prefix, address] : kExamples)
    EXPECT_TRUE(parse_nat64(prefix).ok()) << prefix;
  for (const char* text : {"2001:db8::/33", "2001:db8::/128", "2001:db8::/0", "2001:db8::",
                           "10.0.0.0/32", "2001:db8:0:0:100::/96", "2001:db8::1/96", "::/96",
                           "::ffff:0:0/96", "fe80::/64", "ff00::/32", "2001:db8::/32 ", ""})
    EXPECT_FALSE(parse_nat64(text).ok()) << text;
}

TEST(Dialled, ARuleMayMeanANetworkOfTheCompanys) {
  const std::vector<Network> granted{
      Network::parse("10.1.0.0/16").take(), Network::parse("fd12::/16").take(),
      Network::parse("0.0.0.0/0").take(), Network::parse("::/0").take()};
  EXPECT_EQ(why("10.1.2.3", {granted[0]}), "");
  EXPECT_EQ(why("10.2.2.3", {granted[0]}), "private");
  EXPECT_EQ(why("fd12::1", {granted[1]}), "");
  EXPECT_EQ(why("192.168.0.1", {granted[2]}), "");
  for (const char* text :
       {"0.0.0.0", "224.0.0.1", "169.254.169.254", "203.0.114.9", "::", "ff02::1", "fd00:ec2::254"})
    EXPECT_NE(why(text, granted), "") << text;
}

TEST(Address, IsReadStrictly) {
  for (const char* text :
       {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", "0x7f.0.0.1", "127.1",
        "[::1]", "::1%lo", "1:2", ":::", "g::1", "1.2.3.4:80"}) {
    const auto read = Address::parse(text);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.error().sys_errno, EINVAL);
  }
  EXPECT_FALSE(Address::parse(std::string("1.2.3.4\0", 8)).ok());
  EXPECT_FALSE(Address::parse(std::string(100, '1')).ok());
  EXPECT_EQ(at("2A00:0::01").text(), "2a00::1");
  EXPECT_EQ(Address::v4(0xC6121001).text(), "198.18.16.1");
  EXPECT_EQ(Address::v4(0xC6121001), at("198.18.16.1"));
}

TEST(Network, IsReadStrictly) {
  EXPECT_TRUE(Network::parse("10.0.0.0/8").ok());
  EXPECT_TRUE(Network::parse("0.0.0.0/0").ok());
  EXPECT_TRUE(Network::parse("2001:db8::/32").ok());
  for (const char* text : {"10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.1/8",
                           "10.0.0.0/-1", "::1/64", "::/129", "/8", "10.0.0.0/8 "})
    EXPECT_FALSE(Network::parse(text).ok()) << text;
  EXPECT_FALSE(Network::parse("0.0.0.0/0").value().holds(at("::1")));
}

}  // namespace
}  // namespace carrel::gateway
