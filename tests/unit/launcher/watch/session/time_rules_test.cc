#include "launcher/watch/session/time_rules.h"

#include <gtest/gtest.h>

#include "launcher/watch/session/clock.h"

namespace carrel::session {
namespace {

using Warning = TimeRules::Warning;

constexpr uint64_t kDay = 1'700'000'000;  // a moment, in seconds since 1970

/// Seconds on both clocks, which start at 100 and kDay.
TimeRules::Now at(uint64_t seconds) {
  return {(100 + seconds) * kNsPerS, (kDay + seconds) * kNsPerS};
}

TimeRules lasting(uint64_t seconds) {
  return TimeRules({{"max_duration", "some", seconds, 0}}, 0);
}

TimeRules until(uint64_t seconds) {
  return TimeRules({{"hours", "mon", 0, (kDay + seconds) * kNsPerS}}, 0);
}

TEST(TimeRules, WarnTwiceAndEnd) {
  for (TimeRules rules : {lasting(3600), until(3600)}) {
    EXPECT_FALSE(rules.over(at(1'000'000)).has_value());
    EXPECT_FALSE(rules.next_ns(at(0)).has_value());
    rules.start(at(0));
    const std::string limit = rules.ends(at(0)).at(0).limit;
    EXPECT_EQ(rules.next_ns(at(0)), at(3000).mono_ns);
    EXPECT_EQ(rules.warning(at(2999)), std::nullopt);
    EXPECT_EQ(rules.warning(at(3000)), (Warning{limit, 600}));
    EXPECT_EQ(rules.warning(at(3001)), std::nullopt);
    EXPECT_EQ(rules.warning(at(3540)), (Warning{limit, 60}));
    EXPECT_EQ(rules.warning(at(3541)), std::nullopt);
    EXPECT_EQ(rules.next_ns(at(3541)), at(3600).mono_ns);
    EXPECT_FALSE(rules.over(at(3599)).has_value());
    EXPECT_EQ(rules.over(at(3600))->limit, limit);
  }
}

TEST(TimeRules, GiveOnlyWarningsThatHaveRoom) {
  TimeRules ten_minutes = lasting(600);
  ten_minutes.start(at(0));
  EXPECT_EQ(ten_minutes.warning(at(1)), std::nullopt);
  EXPECT_EQ(ten_minutes.warning(at(540)), (Warning{"max_duration", 60}));
  TimeRules one_minute = lasting(60);
  one_minute.start(at(0));
  EXPECT_EQ(one_minute.warning(at(59)), std::nullopt);
  EXPECT_TRUE(one_minute.over(at(60)).has_value());
  TimeRules slept = lasting(3600);
  slept.start(at(0));
  EXPECT_EQ(slept.warning(at(3590)), (Warning{"max_duration", 60}));
  EXPECT_EQ(slept.warning(at(3591)), std::nullopt);
}

TEST(TimeRules, KnowNoneAndWhatNoClockReaches) {
  for (const uint64_t seconds : {uint64_t{0}, ~uint64_t{0}}) {
    TimeRules rules = lasting(seconds);
    rules.start(at(5));
    EXPECT_FALSE(rules.over(at(1'000'000'000)).has_value());
    EXPECT_FALSE(rules.next_ns(at(5)).has_value());
    EXPECT_TRUE(rules.ends(at(5)).empty());
  }
}

TEST(TimeRules, TheFirstOfSeveralEndsIsTheOneWarnedOf) {
  TimeRules rules({{"max_duration", "2h", 7200, 0}, {"task", "soon", 0, (kDay + 3600) * kNsPerS}},
                  0);
  rules.start(at(0));
  EXPECT_EQ(rules.warning(at(3000)), (Warning{"task", 600}));
  EXPECT_EQ(rules.over(at(3600))->limit, "task");
  EXPECT_EQ(rules.over(at(3600))->words, "soon");
  EXPECT_EQ(rules.ends(at(600)).at(0).left_ns, 6600 * kNsPerS);
  EXPECT_EQ(rules.ends(at(600)).at(1).left_ns, 3000 * kNsPerS);
}

TEST(TimeRules, AMomentIsWatchedByBothClocks) {
  TimeRules rules = until(3600);
  rules.start(at(0));
  // The day's clock is set back: the monotonic one ends it all the same.
  EXPECT_TRUE(rules.over({at(3600).mono_ns, at(0).real_ns}).has_value());
  // The host sleeps, and with it the monotonic clock.
  EXPECT_TRUE(rules.over({at(10).mono_ns, at(3600).real_ns}).has_value());
  // A duration is the monotonic clock's alone.
  TimeRules lasts = lasting(3600);
  lasts.start(at(0));
  EXPECT_FALSE(lasts.over({at(10).mono_ns, at(3600).real_ns}).has_value());
  // A moment that has passed already ends it at once.
  TimeRules late({{"task", "gone", 0, kDay * kNsPerS}}, 0);
  late.start(at(10));
  EXPECT_TRUE(late.over(at(10)).has_value());
}

TEST(TimeRules, IdlenessBeginsAnewWithEveryByte) {
  TimeRules rules({}, 1800);
  rules.start(at(0));
  EXPECT_EQ(rules.next_ns(at(0)), at(1740).mono_ns);
  EXPECT_EQ(rules.warning(at(1739)), std::nullopt);
  EXPECT_EQ(rules.warning(at(1740)), (Warning{"idle_timeout", 60}));
  EXPECT_EQ(rules.warning(at(1741)), std::nullopt);
  EXPECT_EQ(rules.next_ns(at(1741)), at(1800).mono_ns);
  rules.typed(at(1750).mono_ns);
  EXPECT_FALSE(rules.over(at(1800)).has_value());
  EXPECT_EQ(rules.warning(at(3490)), (Warning{"idle_timeout", 60}));
  EXPECT_EQ(rules.over(at(3550))->limit, "idle_timeout");
  EXPECT_EQ(rules.over(at(3550))->words, "30m, nothing was typed");
}

TEST(TimeRules, APauseStopsIdlenessAlone) {
  TimeRules rules({{"max_duration", "1h", 3600, 0}}, 120);
  rules.start(at(0));
  rules.pause();
  EXPECT_FALSE(rules.over(at(3599)).has_value());
  EXPECT_EQ(rules.over(at(3600))->limit, "max_duration");
  rules.resume(at(1000).mono_ns);
  EXPECT_FALSE(rules.over(at(1119)).has_value());
  EXPECT_EQ(rules.over(at(1120))->limit, "idle_timeout");
}

}  // namespace
}  // namespace carrel::session
