// JA4 against the example of its publication.

#include "launcher/gateway/tls/fingerprint.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace carrel::gateway {
namespace {

HelloTraits sample() {
  HelloTraits traits;
  traits.version = 0x0304;
  traits.has_sni = true;
  traits.ciphers = {0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9,
                    0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
  traits.extensions = {0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d,
                       0x0005, 0x0023, 0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015};
  traits.first_alpn = "h2";
  traits.signature_algorithms = {0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601};
  return traits;
}

TEST(Ja4, IsThePublishedExample) {
  EXPECT_EQ(ja4(sample()), "t13d1516h2_8daaf6152771_e5627efa2ab1");
}

TEST(Ja4, GreaseAndOrderAreNoDifference) {
  HelloTraits traits = sample();
  traits.ciphers.insert(traits.ciphers.begin(), 0x3a3a);
  traits.extensions.insert(traits.extensions.begin(), 0xeaea);
  traits.extensions.push_back(0x0a0a);
  std::reverse(traits.ciphers.begin(), traits.ciphers.end());
  std::reverse(traits.extensions.begin(), traits.extensions.end());
  EXPECT_EQ(ja4(traits), ja4(sample()));
}

TEST(Ja4, TheOrderOfSignatureAlgorithmsIs) {
  HelloTraits traits = sample();
  std::reverse(traits.signature_algorithms.begin(), traits.signature_algorithms.end());
  EXPECT_NE(ja4(traits), ja4(sample()));
}

TEST(Ja4, NothingIsZeros) {
  EXPECT_EQ(ja4(HelloTraits{}), "t00i000000_000000000000_000000000000");
}

TEST(Ja4, CountsEndAt99) {
  HelloTraits traits;
  for (uint16_t i = 0; i < 150; ++i)
    traits.ciphers.push_back(i);
  traits.version = 0x0300;
  EXPECT_EQ(ja4(traits).substr(0, 10), "ts3i990000");
}

TEST(Ja4, OtherProtocolsAreShownByTheirHexDigits) {
  const auto shown = [](std::string alpn) {
    HelloTraits traits;
    traits.first_alpn = std::move(alpn);
    return ja4(traits).substr(8, 2);
  };
  EXPECT_EQ(shown("http/1.1"), "h1");
  EXPECT_EQ(shown("\xab"), "ab");
  EXPECT_EQ(shown("0\xab"), "3b");
  EXPECT_EQ(shown("h"), "hh");
  EXPECT_EQ(shown(std::string("\0z", 2)), "0a");
}

TEST(Grease, IsTheSixteenReservedValues) {
  int count = 0;
  for (unsigned value = 0; value <= 0xffff; ++value)
    count += is_grease(static_cast<uint16_t>(value)) ? 1 : 0;
  EXPECT_EQ(count, 16);
  EXPECT_TRUE(is_grease(0x0a0a));
  EXPECT_TRUE(is_grease(0xfafa));
  EXPECT_FALSE(is_grease(0x0a1a));
}

}  // namespace
}  // namespace carrel::gateway
