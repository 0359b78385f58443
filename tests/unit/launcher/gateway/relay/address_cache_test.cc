#include "launcher/gateway/relay/address_cache.h"

#include <gtest/gtest.h>

namespace carrel::gateway {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

std::vector<Address> one(const std::string& text) {
  return {Address::parse(text).take()};
}

TEST(AddressCache, HoldsAsLongAsTheAnswerSays) {
  AddressCache cache;
  EXPECT_EQ(cache.find("a.example", 0), nullptr);
  cache.keep("a.example", one("192.0.2.1"), 5, 100);
  ASSERT_NE(cache.find("a.example", 100 + 5 * kSecond - 1), nullptr);
  EXPECT_EQ(cache.find("a.example", 100)->front().text(), "192.0.2.1");
  EXPECT_EQ(cache.find("b.example", 100), nullptr);
  EXPECT_EQ(cache.find("a.example", 100 + 5 * kSecond), nullptr);
  EXPECT_EQ(cache.find("a.example", 100), nullptr);  // gone for good
}

TEST(AddressCache, HoldsNothingForLongerThanAMinute) {
  AddressCache cache;
  cache.keep("a.example", one("192.0.2.1"), UINT64_MAX, 0);
  EXPECT_NE(cache.find("a.example", 60 * kSecond - 1), nullptr);
  EXPECT_EQ(cache.find("a.example", 60 * kSecond), nullptr);
}

TEST(AddressCache, HoldsNothingThatMayNotBeHeld) {
  AddressCache cache;
  cache.keep("a.example", one("192.0.2.1"), 5, 0);
  cache.keep("a.example", one("192.0.2.2"), 0, 0);  // the later answer counts
  cache.keep("b.example", {}, 5, 0);
  EXPECT_EQ(cache.find("a.example", 0), nullptr);
  EXPECT_EQ(cache.find("b.example", 0), nullptr);
}

TEST(AddressCache, ForgetsOneName) {
  AddressCache cache;
  cache.keep("a.example", one("192.0.2.1"), 5, 0);
  cache.keep("b.example", one("192.0.2.1"), 5, 0);
  cache.forget("a.example");
  cache.forget("c.example");
  EXPECT_EQ(cache.find("a.example", 0), nullptr);
  EXPECT_NE(cache.find("b.example", 0), nullptr);
}

TEST(AddressCache, IsBounded) {
  AddressCache cache;
  cache.keep("first.example", one("192.0.2.1"), 1, 0);
  for (size_t i = 0; i < AddressCache::kMost; ++i)
    cache.keep(std::to_string(i) + ".example", one("192.0.2.1"), 50, 0);
  EXPECT_EQ(cache.find("first.example", 0), nullptr);
  EXPECT_NE(cache.find("0.example", 0), nullptr);
}

}  // namespace
}  // namespace carrel::gateway
