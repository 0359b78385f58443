#include "launcher/service/network_settings.h"

#include <gtest/gtest.h>

namespace carrel::service {
namespace {

TEST(NetworkSettings, AreReadWithTheirUsualPorts) {
  const auto settings = parse_network_settings(
      "resolvers = [\"10.0.0.53\", \"10.0.0.54:5353\", \"2001:db8::53\"]\n"
      "proxy = \"http://10.0.0.1:3128\"\n"
      "trust = \"/etc/ssl/company.pem\"\n"
      "nat64 = [\"2001:db8:64::/96\", \"2001:db8::/32\"]\n");
  ASSERT_TRUE(settings.ok());
  EXPECT_EQ(settings.value(),
            (NetworkSettings{{"10.0.0.53:53", "10.0.0.54:5353", "[2001:db8::53]:53"},
                             "10.0.0.1:3128",
                             "/etc/ssl/company.pem",
                             {"2001:db8:64::/96", "2001:db8::/32"}}));
  EXPECT_EQ(parse_network_settings("").value(), NetworkSettings());
}

TEST(NetworkSettings, NameTheLineOfAMistake) {
  const auto fails = [](const char* toml) {
    const auto settings = parse_network_settings(toml);
    return settings.ok() ? std::string("taken") : settings.error().what;
  };
  EXPECT_EQ(fails("\nresolver = [\"10.0.0.53\"]\n"),
            "network.toml line 2: resolver is no key of it (resolvers, proxy, trust, nat64)");
  EXPECT_EQ(fails("resolvers = [\"dns.example.org\"]\n"),
            "network.toml line 1: resolvers holds no address: dns.example.org");
  EXPECT_EQ(fails("resolvers = []\n"),
            "network.toml line 1: resolvers must list one to three addresses");
  EXPECT_EQ(fails("proxy = \"10.0.0.1:3128\"\n"),
            "network.toml line 1: proxy must be \"http://ADDRESS:PORT\"");
  EXPECT_EQ(fails("proxy = \"http://10.0.0.1:0\"\n"),
            "network.toml line 1: proxy names no address: 10.0.0.1:0");
  EXPECT_EQ(fails("trust = \"company.pem\"\n"),
            "network.toml line 1: trust must be an absolute path");
  EXPECT_EQ(fails("\n\nnat64 = \"2001:db8:64::/96\"\n"),
            "network.toml line 3: nat64 must list one to sixteen prefixes");
  EXPECT_EQ(fails("nat64 = [\"2001:db8::/32\", \"2001:db8:64::/97\"]\n"),
            "network.toml line 1: nat64 holds no prefix of NAT64: 2001:db8:64::/97, not an IPv6 "
            "prefix of 32, 40, 48, 56, 64 or 96 bits");
  EXPECT_EQ(fails("nat64 = [96]\n"),
            "network.toml line 1: nat64 must list one to sixteen prefixes");
  EXPECT_EQ(fails("resolvers = \n"), "network.toml is no TOML");
}

TEST(NetworkSettings, OfAHostAreItsNameServers) {
  EXPECT_EQ(resolvers_of("# made\nnameserver 127.0.0.53\nsearch example.org\nnameserver\t::1 #x\n"),
            (std::vector<std::string>{"127.0.0.53:53", "[::1]:53"}));
  EXPECT_EQ(resolvers_of("nameserver 1.1.1.1\nnameserver 2.2.2.2\nnameserver 3.3.3.3\n"
                         "nameserver 4.4.4.4\n")
                .size(),
            3U);
  EXPECT_TRUE(resolvers_of("nameserver dns.example.org\noptions edns0").empty());
}

}  // namespace
}  // namespace carrel::service
