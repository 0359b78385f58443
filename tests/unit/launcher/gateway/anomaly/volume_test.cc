#include "launcher/gateway/anomaly/volume.h"

#include <gtest/gtest.h>

#include <cmath>
#include <initializer_list>
#include <string>

namespace carrel::gateway::anomaly {
namespace {

constexpr uint64_t kKiB = 1024;
constexpr uint64_t kMiB = kKiB * kKiB;

/// The words of what is noticed, each with the number of its period.
std::string noticed(std::initializer_list<uint64_t> up, std::vector<Flag>* flags = nullptr) {
  Volume volume;
  std::string out;
  size_t period = 0;
  for (const uint64_t bytes : up) {
    for (Flag& flag : volume.close(bytes, 0, false)) {
      out += (out.empty() ? "" : " ") + std::string(flag.what) + std::to_string(period);
      if (flags != nullptr) flags->push_back(std::move(flag));
    }
    ++period;
  }
  return out;
}

TEST(Usual, FollowsWithATenth) {
  Usual usual;
  EXPECT_EQ(usual.above(4 * 64.0 * kKiB), 4.0);  // the floor alone
  usual.add(1000);
  EXPECT_DOUBLE_EQ(usual.mean(), 100);
  EXPECT_DOUBLE_EQ(usual.deviation(), 300);  // sqrt(0.9 * 0.1) of the step
  usual.add(100);
  EXPECT_DOUBLE_EQ(usual.mean(), 100);
  EXPECT_NEAR(usual.deviation(), 300 * std::sqrt(0.9), 1e-9);
}

TEST(Burst, IsThreeOfFiveFarAboveWhatWasUsual) {
  // Each must be above 4 deviations of a variance that the ones before it have raised.
  std::vector<Flag> flags;
  EXPECT_EQ(noticed({0, 0, 300 * kKiB, 600 * kKiB, 1200 * kKiB}, &flags), "burst4");
  ASSERT_EQ(flags.size(), 1U);
  EXPECT_EQ(flags[0].detail,
            "1.2 MiB up in 10 s, where the mean was 87.0 KiB; 3 of the last 5 such periods were "
            "more than 4 deviations above their mean: z 4.7, 5.2, 5.5");
  EXPECT_EQ(noticed({300 * kKiB, 0, 600 * kKiB, 0, 1200 * kKiB}), "burst4");
}

TEST(Burst, IsNotTwoNorThreeOfSix) {
  EXPECT_EQ(noticed({300 * kKiB, 600 * kKiB, 0, 0, 0, 0}), "");
  EXPECT_EQ(noticed({300 * kKiB, 0, 600 * kKiB, 0, 0, 1500 * kKiB}), "");
  EXPECT_EQ(noticed({300 * kKiB, 0, 600 * kKiB, 0, 1500 * kKiB}), "burst4");
}

TEST(Burst, BeginsAboveFourTimesTheFloor) {
  // 256 KiB after silence are exactly z = 4, which is not above it.
  const uint64_t edge = 256 * kKiB;
  EXPECT_EQ(noticed({edge, 600 * kKiB, 1200 * kKiB}), "");
  EXPECT_EQ(noticed({edge + 1, 600 * kKiB, 1200 * kKiB}), "burst2");
}

TEST(Drip, IsWhatGoesOnForMinutes) {
  Volume volume;
  std::vector<Flag> flags;
  size_t periods = 0;
  while (flags.empty() && periods < 100) {
    flags = volume.close(100 * kKiB, 0, false);
    ++periods;
  }
  ASSERT_EQ(flags.size(), 1U);
  EXPECT_EQ(flags[0].what, "drip");
  EXPECT_EQ(periods, 8U);
  EXPECT_EQ(flags[0].detail,
            "414.4 KiB up above what was usual, gathered in 80.0 s; 100.0 KiB in the last 10 s, "
            "where the mean was 52.2 KiB and the deviation 50.0 KiB");
}

TEST(Drip, NeedsAQuarterOfAMegabyteAndEightDeviations) {
  const auto steady = [](uint64_t bytes, size_t periods) {
    Volume volume;
    size_t count = 0;
    for (size_t i = 0; i < periods; ++i)
      count += volume.close(bytes, 0, false).size();
    return count;
  };
  EXPECT_EQ(steady(50 * kKiB, 1000), 0U);  // what becomes usual before it is 256 KiB above it
  EXPECT_EQ(steady(100 * kKiB, 7), 0U);
  EXPECT_EQ(steady(100 * kKiB, 8), 1U);
}

/// One level, then one as far above it that what is added up just reaches the bound.
TEST(Drip, BeginsBehindItsBounds) {
  const auto flagged = [](double bytes, double deviation) {
    Usual quiet;
    Usual loud;
    loud.add(deviation / 0.3);  // of the first step 0.3 remains as the deviation
    return Drip().add(bytes, quiet, deviation > 0 ? loud : quiet).has_value();
  };
  EXPECT_FALSE(flagged(256 * 1024, 0));
  EXPECT_TRUE(flagged(256 * 1024 + 1, 0));
  EXPECT_FALSE(flagged(799'999, 100'000));
  EXPECT_TRUE(flagged(800'001, 100'000));
}

TEST(Drip, EightDeviationsAreCountedAfterThePeriodThatRaisedThem) {
  // Before the first period the deviation is 0: any upload would be eight times that.
  EXPECT_EQ(noticed({5 * kMiB}), "");
  EXPECT_EQ(noticed({5 * kMiB, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}), "");
}

TEST(Ratio, IsTwiceAsMuchUpWhereAllOnlyRead) {
  const auto count = [](uint64_t up, uint64_t down, bool only_reads) {
    Volume volume;
    return volume.close(up, down, only_reads).size();
  };
  EXPECT_EQ(count(kMiB + 2, kMiB / 2, true), 1U);
  EXPECT_EQ(count(kMiB + 2, kMiB / 2 + 1, true), 0U);  // exactly twice
  EXPECT_EQ(count(kMiB, 0, true), 0U);
  EXPECT_EQ(count(kMiB + 1, 0, true), 1U);
  EXPECT_EQ(count(kMiB + 2, kMiB / 2, false), 0U);
}

TEST(Ratio, CountsTenMinutes) {
  const auto after = [](size_t silent) {
    Volume volume;
    (void)volume.close(kMiB / 2 + 1, 0, true);
    for (size_t i = 0; i < silent; ++i)
      (void)volume.close(0, 0, true);
    return volume.close(kMiB / 2 + 1, 1024, true);
  };
  const std::vector<Flag> flags = after(58);
  ASSERT_EQ(flags.size(), 1U);
  EXPECT_EQ(flags[0].what, "ratio");
  EXPECT_EQ(flags[0].detail,
            "1.0 MiB up and 1.0 KiB down within 10 minutes, though every rule of it only reads: "
            "1024.0 times");
  EXPECT_EQ(after(59).size(), 0U);
}

TEST(Volume, StandsHugeNumbers) {
  Volume volume;
  for (int i = 0; i < 1000; ++i) {
    for (const Flag& flag : volume.close(i % 2 == 0 ? UINT64_MAX : 0, UINT64_MAX, true)) {
      EXPECT_EQ(flag.detail.find("nan"), std::string::npos);
      EXPECT_EQ(flag.detail.find("inf"), std::string::npos);
      EXPECT_LT(flag.detail.size(), 400U);
    }
  }
}

TEST(Words, AreRead) {
  EXPECT_EQ(amount(0), "0 bytes");
  EXPECT_EQ(amount(1023), "1023 bytes");
  EXPECT_EQ(amount(1024), "1.0 KiB");
  EXPECT_EQ(amount(5.0 * kMiB), "5.0 MiB");
  EXPECT_EQ(seconds(1.25e9), "1.2 s");
  EXPECT_EQ(clipped(std::string(200, 'x')), std::string(100, 'x') + "...");
  EXPECT_EQ(since(5, 7), 0U);
}

}  // namespace
}  // namespace carrel::gateway::anomaly
