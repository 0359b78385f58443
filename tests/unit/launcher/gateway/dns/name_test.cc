#include "launcher/gateway/dns/name.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <random>

namespace carrel::gateway {
namespace {

std::string of(std::string_view text) {
  const auto name = canonical_name(text);
  return name.ok() ? name.value() : "refused";
}

TEST(CanonicalName, HasOneForm) {
  EXPECT_EQ(of("example.org"), "example.org");
  EXPECT_EQ(of("ExAmPle.ORG."), "example.org");
  EXPECT_EQ(of("xn--bcher-kva.example"), "xn--bcher-kva.example");
  EXPECT_EQ(of("a-1.b2"), "a-1.b2");
  EXPECT_EQ(of("localhost"), "localhost");
  EXPECT_EQ(of(std::string(63, 'a') + ".org"), std::string(63, 'a') + ".org");
  const std::string most = std::string(63, 'a') + "." + std::string(63, 'b') + "." +
                           std::string(63, 'c') + "." + std::string(61, 'd');
  EXPECT_EQ(of(most), most);
  EXPECT_EQ(of(most + "."), most);
}

TEST(CanonicalName, WhatIsNoHostsNameIsRefused) {
  for (const std::string& text :
       {std::string(""), std::string("."), std::string(".."), std::string("a..b"),
        std::string(".a"), std::string("a.."), std::string("-a.org"), std::string("a-.org"),
        std::string("a_b.org"), std::string("a b.org"), std::string("*.org"),
        std::string("b\xc3\xbc"
                    "cher.example"),
        std::string("a\0b.org", 7), std::string("a\x7f.org"), std::string("[::1]"),
        std::string("user@host"), std::string("host:80"), std::string(64, 'a') + ".org",
        std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') + "." +
            std::string(62, 'd')}) {
    EXPECT_EQ(of(text), "refused") << text;
    EXPECT_EQ(canonical_name(text).error().sys_errno, EINVAL);
  }
}

TEST(CanonicalName, WhatCouldBeAnAddressIsNoName) {
  for (const char* text : {"127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.0.0.1",
                           "0177.0.0.1", "1.2.3.4.", "example.0x1", "example.7"})
    EXPECT_EQ(of(text), "refused") << text;
  EXPECT_EQ(of("7.example"), "7.example");
  EXPECT_EQ(of("127.0.0.1.nip.example"), "127.0.0.1.nip.example");
}

/// What was taken is taken again, as it is.
TEST(CanonicalName, FuzzedTextHasNoSecondForm) {
  std::mt19937 random(20261126);  // NOLINT: a fixed seed makes failures repeatable
  int taken = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string text(random() % 20, 'a');
    for (char& c : text)
      c = random() % 8 == 0 ? static_cast<char>(random() % 256) : "abZ09-.x"[random() % 8];
    const auto name = canonical_name(text);
    if (!name.ok()) continue;
    ++taken;
    EXPECT_EQ(of(name.value()), name.value());
    EXPECT_LE(name.value().size(), text.size());
  }
  EXPECT_GT(taken, 1000);
}

}  // namespace
}  // namespace carrel::gateway
