#include "launcher/gateway/anomaly/requests.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace carrel::gateway::anomaly {
namespace {

/// Requests with these periods, over and over; the number of the first that was noticed, 0: none.
size_t beacon_after(std::vector<uint64_t> periods, size_t requests, std::string* detail = nullptr) {
  Beacon beacon;
  uint64_t now = 5;
  for (size_t i = 0; i < requests; ++i) {
    const auto flag = beacon.add(now);
    if (flag.has_value()) {
      if (detail != nullptr) *detail = flag->detail;
      return i + 1;
    }
    now += periods[i % periods.size()];
  }
  return 0;
}

TEST(Beacon, IsMoreThanFiftyRequestsAtEvenPeriods) {
  std::string detail;
  EXPECT_EQ(beacon_after({30 * kSecondNs}, 50), 0U);
  EXPECT_EQ(beacon_after({30 * kSecondNs}, 51, &detail), 51U);
  EXPECT_EQ(detail, "51 requests, one every 30.0 s: these periods differ by 0.0 %");
}

TEST(Beacon, PeriodsMayDifferByATenth) {
  // Two values as far below as above the mean: the deviation is that distance.
  EXPECT_EQ(beacon_after({9'010'000'000, 10'990'000'000}, 200), 51U);  // 9.9 %
  EXPECT_EQ(beacon_after({9'000'000'000, 11'000'000'000}, 200), 0U);   // 10 %
}

TEST(Beacon, IsNotAClientThatGoesAsFastAsItCan) {
  EXPECT_EQ(beacon_after({50'000'000}, 1000), 0U);
  EXPECT_EQ(beacon_after({kSecondNs - 1}, 1000), 0U);
  EXPECT_EQ(beacon_after({kSecondNs}, 1000), 51U);
}

TEST(Beacon, IsSeenBehindOtherTraffic) {
  Beacon beacon;
  for (uint64_t i = 0; i < 500; ++i)
    EXPECT_FALSE(beacon.add(i * 1'000'000).has_value());
  size_t found = 0;
  for (uint64_t i = 1; i <= 60; ++i)
    found += beacon.add(i * 10 * kSecondNs).has_value() ? 1U : 0U;
  EXPECT_EQ(found, 1U);
}

TEST(Beacon, StandsTimeThatGoesBackwards) {
  Beacon beacon;
  for (uint64_t i = 0; i < 1000; ++i)
    EXPECT_FALSE(beacon.add((1000 - i) * 10 * kSecondNs).has_value());
  EXPECT_FALSE(beacon.add(UINT64_MAX).has_value());
  EXPECT_FALSE(beacon.add(0).has_value());
}

std::string path(size_t i) {
  return "/p" + std::to_string(i);
}

TEST(Scan, IsMoreThanTwoHundredPathsThatAreNotThere) {
  Scan scan;
  for (size_t i = 0; i < 200; ++i)
    EXPECT_FALSE(scan.add(path(i), kSecondNs).has_value());
  for (size_t i = 0; i < 200; ++i)
    EXPECT_FALSE(scan.add(path(i), 2 * kSecondNs).has_value());  // the same ones
  const auto flag = scan.add(path(200), 13 * kSecondNs);
  ASSERT_TRUE(flag.has_value());
  EXPECT_EQ(flag->what, "scan");
  EXPECT_EQ(flag->detail, "201 different paths were answered 404 within 12.0 s, the last /p200");
}

TEST(Scan, CountsTenMinutes) {
  Scan scan;
  for (size_t i = 0; i < 200; ++i)
    (void)scan.add(path(i), 1);
  EXPECT_FALSE(scan.add(path(200), 1 + kTenMinutesNs).has_value());
  Scan within;
  for (size_t i = 0; i < 200; ++i)
    (void)within.add(path(i), 1);
  EXPECT_TRUE(within.add(path(200), kTenMinutesNs).has_value());
}

TEST(Targets, AreMoreThanAQuarterOfAMegabyteAMinute) {
  Targets targets;
  EXPECT_FALSE(targets.add(Targets::kMost - 1, 1).has_value());
  EXPECT_FALSE(targets.add(1, kMinuteNs).has_value());
  const auto flag = targets.add(1, kMinuteNs);
  ASSERT_TRUE(flag.has_value());
  EXPECT_EQ(flag->detail, "256.0 KiB of paths and queries in 3 requests within 60.0 s");
  Targets late;
  EXPECT_FALSE(late.add(Targets::kMost, 1).has_value());
  EXPECT_FALSE(late.add(1, 1 + kMinuteNs).has_value());
  EXPECT_TRUE(Targets().add(UINT64_MAX, 0).has_value());
}

/// Text of `count` bytes with this many different ones, each as often.
std::string even(size_t count, size_t different) {
  std::string out;
  for (size_t i = 0; i < count; ++i)
    out += static_cast<char>('0' + i % different);  // of 23 and less: no "=", "&", "%"
  return out;
}

bool noticed(const std::string& query) {
  return QueryValues().add(query, 1).has_value();
}

TEST(QueryValues, AreNoticedAtTwoKilobytesOfMoreThanFourAndAHalfBits) {
  std::string base64;
  std::mt19937 random(7);
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  while (base64.size() < QueryValues::kLeast)
    base64 += kAlphabet[random() % kAlphabet.size()];
  EXPECT_TRUE(noticed("d=" + base64));
  EXPECT_FALSE(noticed("d=" + base64.substr(1)));
  EXPECT_TRUE(noticed(base64));         // all of it is a key
  EXPECT_TRUE(noticed(base64 + "=1"));  // a long one
  EXPECT_FALSE(noticed("d=" + even(1 << 16, 13)));
  QueryValues parts;
  std::optional<Flag> flag;
  for (size_t i = 0; i + 64 <= base64.size(); i += 64)
    flag = parts.add("id=1&d=" + base64.substr(i, 64), 1 + i * 1'000'000);
  ASSERT_TRUE(flag.has_value());
  EXPECT_EQ(flag->what, "query");
  EXPECT_EQ(flag->detail.substr(0, 56), "2.0 KiB in the values of queries within 2.0 s, 6.0 bits ");
}

/// Bytes outside of printable ASCII stand in a query as escapes: 22 or 23 different ones are
/// log2 of it, 4.46 and 4.52 bits.
TEST(QueryValues, FourAndAHalfBitsLieBetween22And23EvenOnes) {
  const auto escaped = [](unsigned different) {
    std::string out = "d=";
    for (unsigned i = 0; i < different * 100; ++i) {
      constexpr std::string_view kDigits = "0123456789ABCDEF";
      const unsigned byte = 0x80 + i % different;
      out += std::string("%") + kDigits[byte >> 4] + kDigits[byte & 15];
    }
    return out;
  };
  EXPECT_FALSE(noticed(escaped(22)));
  EXPECT_TRUE(noticed(escaped(23)));
}

TEST(QueryValues, OrdinaryOnesAreNot) {
  QueryValues values;
  for (uint64_t i = 0; i < 1000; ++i) {
    EXPECT_FALSE(values.add("service=git-upload-pack&page=" + std::to_string(i % 10), i));
    EXPECT_FALSE(values.add("", i));
    EXPECT_FALSE(values.add("&&=&%&%4&d=%4", i));
  }
}

TEST(QueryValues, CountTenMinutes) {
  std::string all;
  for (int i = 0; i < 2047; ++i)
    all += static_cast<char>(0x80 + i % 100);
  QueryValues values;
  EXPECT_FALSE(values.add("d=" + all, 1).has_value());
  EXPECT_FALSE(values.add("d=x", 1 + kTenMinutesNs).has_value());
  QueryValues within;
  EXPECT_FALSE(within.add("d=" + all, 1).has_value());
  EXPECT_TRUE(within.add("d=x", kTenMinutesNs).has_value());
}

}  // namespace
}  // namespace carrel::gateway::anomaly
