#include "broker/record/replay/pace.h"

#include <gtest/gtest.h>

namespace carrel::replay {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

TEST(Pace, ReadsTimes) {
  EXPECT_EQ(parse_time("90s").value(), 90 * kSecond);
  EXPECT_EQ(parse_time("90").value(), 90 * kSecond);
  EXPECT_EQ(parse_time("1.5s").value(), kSecond * 3 / 2);
  EXPECT_EQ(parse_time("250ms").value(), kSecond / 4);
  EXPECT_EQ(parse_time("1h2m3s").value(), 3723 * kSecond);
  EXPECT_EQ(parse_time("0").value(), 0U);
  for (const char* bad : {"", "s", "-1s", "1d", "1s x", "nan", "inf", "1e3s", "9999999h", "1:30"})
    EXPECT_FALSE(parse_time(bad).ok()) << bad;
}

TEST(Pace, ReadsSpeeds) {
  EXPECT_EQ(parse_speed("0.1").value(), 0.1);
  EXPECT_EQ(parse_speed("1000").value(), 1000);
  EXPECT_EQ(parse_speed("2x").value(), 2);
  for (const char* bad : {"", "x", "0", "0.09", "1001", "-1", "nan", "inf", "2xx"})
    EXPECT_FALSE(parse_speed(bad).ok()) << bad;
}

TEST(Pace, IsRealTimeUnlessTold) {
  const Pace pace;
  EXPECT_EQ(due_in(pace, 2 * kSecond, 5 * kSecond), 3 * kSecond);
  EXPECT_EQ(due_in(pace, 5 * kSecond, 3600 * kSecond), 3595 * kSecond);
  EXPECT_EQ(due_in(pace, 5 * kSecond, 4 * kSecond), 0U);
}

TEST(Pace, CutsWaitsAndSkipsTheBeginning) {
  const Pace pace{1, 10 * kSecond, 2 * kSecond};
  EXPECT_EQ(due_in(pace, 0, 9 * kSecond), 0U);
  EXPECT_EQ(due_in(pace, 9 * kSecond, 11 * kSecond), kSecond);
  EXPECT_EQ(due_in(pace, 11 * kSecond, 60 * kSecond), 2 * kSecond);
}

TEST(Pace, ConvertsBySpeedAndSaturates) {
  EXPECT_EQ(to_real(10 * kSecond, 10), kSecond);
  EXPECT_EQ(to_session(kSecond, 10), 10 * kSecond);
  EXPECT_LE(to_real(UINT64_MAX, kMinSpeed), kSecond * kSecond);
  EXPECT_EQ(faster(1), 2);
  EXPECT_EQ(faster(kMaxSpeed), kMaxSpeed);
  EXPECT_EQ(slower(kMinSpeed), kMinSpeed);
}

TEST(Pace, WritesClocks) {
  EXPECT_EQ(clock_text(0), "0:00:00");
  EXPECT_EQ(clock_text(3723 * kSecond + 5), "1:02:03");
}

}  // namespace
}  // namespace carrel::replay
