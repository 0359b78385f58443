#include "profiles/hours/hours.h"

#include <date/date.h>
#include <gtest/gtest.h>

#include <sstream>

namespace carrel::hours {
namespace {

/// A moment in UTC, "2026-03-29 00:30".
uint64_t utc(const std::string& text) {
  std::istringstream in(text);
  date::sys_seconds moment;
  in >> date::parse("%F %H:%M", moment);
  EXPECT_FALSE(in.fail()) << text;
  return static_cast<uint64_t>(moment.time_since_epoch().count()) * 1'000'000'000;
}

Answer ask(const Window& window, const std::string& moment) {
  auto answer = look(window, utc(moment));
  EXPECT_TRUE(answer.ok()) << (answer.ok() ? "" : answer.error().what);
  return answer.ok() ? answer.value() : Answer();
}

const Window kOffice{0b0011111, 7 * 60, 20 * 60, "Europe/Berlin"};

TEST(Hours, OfAnOfficeDay) {
  // Friday 2026-01-16; Berlin is one hour ahead.
  const Answer early = ask(kOffice, "2026-01-16 05:59");
  EXPECT_FALSE(early.open);
  EXPECT_EQ(early.opens_ns, utc("2026-01-16 06:00"));
  const Answer open = ask(kOffice, "2026-01-16 06:00");
  EXPECT_TRUE(open.open);
  EXPECT_EQ(open.until_ns, utc("2026-01-16 19:00"));
  EXPECT_TRUE(ask(kOffice, "2026-01-16 18:59").open);
  const Answer late = ask(kOffice, "2026-01-16 19:00");
  EXPECT_FALSE(late.open);
  EXPECT_EQ(late.opens_ns, utc("2026-01-19 06:00"));  // Monday
}

TEST(Hours, FollowTheWallClockOverSummerTime) {
  // Friday 2026-03-27 in winter, Monday 2026-03-30 in summer.
  EXPECT_EQ(ask(kOffice, "2026-03-27 20:00").opens_ns, utc("2026-03-30 05:00"));
  // Friday 2026-10-23 in summer, Monday 2026-10-26 in winter.
  EXPECT_EQ(ask(kOffice, "2026-10-23 20:00").opens_ns, utc("2026-10-26 06:00"));
}

TEST(Hours, ThatTheWallClockNeverShows) {
  // 2026-03-29 in Berlin: 02:00 is followed by 03:00, at 01:00 UTC.
  const Window skipped{0b1111111, 2 * 60 + 15, 2 * 60 + 45, "Europe/Berlin"};
  const Answer before = ask(skipped, "2026-03-29 00:59");
  EXPECT_FALSE(before.open);
  EXPECT_EQ(before.opens_ns, utc("2026-03-30 00:15"));  // not on that day at all
  const Window begins{0b1111111, 2 * 60 + 30, 5 * 60, "Europe/Berlin"};
  EXPECT_EQ(ask(begins, "2026-03-29 00:30").opens_ns, utc("2026-03-29 01:00"));
  const Window ends{0b1111111, 60, 2 * 60 + 30, "Europe/Berlin"};
  EXPECT_EQ(ask(ends, "2026-03-29 00:30").until_ns, utc("2026-03-29 01:00"));
}

TEST(Hours, ThatTheWallClockShowsTwice) {
  // 2026-10-25 in Berlin: 03:00 is followed by 02:00, at 01:00 UTC.
  const Window twice{0b1111111, 2 * 60 + 15, 2 * 60 + 45, "Europe/Berlin"};
  const Answer first = ask(twice, "2026-10-25 00:15");
  EXPECT_TRUE(first.open);
  EXPECT_EQ(first.until_ns, utc("2026-10-25 00:45"));
  const Answer between = ask(twice, "2026-10-25 00:45");
  EXPECT_FALSE(between.open);
  EXPECT_EQ(between.opens_ns, utc("2026-10-25 01:15"));
  EXPECT_EQ(ask(twice, "2026-10-25 01:15").until_ns, utc("2026-10-25 01:45"));
  const Window over{0b1111111, 60, 4 * 60, "Europe/Berlin"};
  EXPECT_EQ(ask(over, "2026-10-24 23:30").until_ns, utc("2026-10-25 03:00"));  // four hours long
}

TEST(Hours, OverMidnightBelongToTheDayOnWhichTheyStart) {
  const Window night{0b0010000, 22 * 60, 6 * 60, "UTC"};  // Friday
  EXPECT_FALSE(ask(night, "2026-01-16 05:00").open);      // Friday morning
  EXPECT_TRUE(ask(night, "2026-01-16 22:00").open);
  EXPECT_TRUE(ask(night, "2026-01-17 05:59").open);
  EXPECT_EQ(ask(night, "2026-01-16 23:00").until_ns, utc("2026-01-17 06:00"));
  EXPECT_EQ(ask(night, "2026-01-17 06:00").opens_ns, utc("2026-01-23 22:00"));
}

TEST(Hours, ThatFollowEachOtherAreOne) {
  const Window days{0b0011111, 0, 24 * 60, "UTC"};
  EXPECT_EQ(ask(days, "2026-01-14 12:00").until_ns, utc("2026-01-17 00:00"));
  const Window always{0b1111111, 0, 24 * 60, "UTC"};
  const Answer answer = ask(always, "2026-01-14 12:00");
  EXPECT_TRUE(answer.open);
  EXPECT_EQ(answer.until_ns, 0U);
  const Window never{0, 0, 24 * 60, "UTC"};
  EXPECT_EQ(ask(never, "2026-01-14 12:00").opens_ns, 0U);
}

TEST(Hours, OfAZoneThatMovesByHalfAnHour) {
  // Lord Howe: 2026-04-05 02:00 is followed by 01:30, at 2026-04-04 15:00 UTC.
  const Window window{0b1111111, 90, 120, "Australia/Lord_Howe"};
  EXPECT_EQ(ask(window, "2026-04-04 14:30").until_ns, utc("2026-04-04 15:30"));
}

TEST(Hours, OfAZoneThatNobodyKnowsAreRefused) {
  for (const char* zone : {"Europe/Atlantis", "", "../../etc/passwd", "\x1b[2J"}) {
    const auto answer = look({0b1111111, 0, 60, zone}, utc("2026-01-14 12:00"));
    ASSERT_FALSE(answer.ok()) << zone;
    EXPECT_EQ(answer.error().what.find('\x1b'), std::string::npos);
  }
}

TEST(Hours, InWords) {
  EXPECT_EQ(words_of(kOffice), "mon-fri 07:00-20:00 Europe/Berlin");
  EXPECT_EQ(words_of({0b1100101, 0, 1440, "UTC"}), "mon,wed,sat,sun 00:00-24:00 UTC");
  EXPECT_EQ(wall_clock_text("Europe/Berlin", utc("2026-03-30 05:00")).take(),
            "Mon 2026-03-30 07:00 CEST (Europe/Berlin)");
}

}  // namespace
}  // namespace carrel::hours
