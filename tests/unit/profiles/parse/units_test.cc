#include "profiles/parse/units.h"

#include <gtest/gtest.h>

#include "profiles/model/words.h"

namespace carrel::parse {
namespace {

TEST(ParseDuration, KnowsItsUnits) {
  EXPECT_EQ(parse_duration("90s").value(), 90U);
  EXPECT_EQ(parse_duration("2m").value(), 120U);
  EXPECT_EQ(parse_duration("8h").value(), 28800U);
  EXPECT_EQ(parse_duration("2d").value(), 172800U);
  EXPECT_EQ(parse_duration("3y").value(), 94608000U);
  EXPECT_EQ(parse_duration("999999999d").value(), 999999999ULL * 86400);
  for (const char* bad : {"", "s", "5", "5M", "5 s", "+5s", "5ss", "0x5s", "9999999999d"}) {
    EXPECT_FALSE(parse_duration(bad).ok()) << bad;
  }
}

TEST(ParseSize, KnowsItsUnits) {
  EXPECT_EQ(parse_size("0B").value(), 0U);
  EXPECT_EQ(parse_size("17B").value(), 17U);
  EXPECT_EQ(parse_size("1KiB").value(), 1024U);
  EXPECT_EQ(parse_size("4GiB").value(), uint64_t{4} << 30);
  EXPECT_EQ(parse_size("2TiB").value(), uint64_t{2} << 40);
  for (const char* bad : {"", "B", "4", "4GB", "4 GiB", "4gib", "-1B", "1.5GiB", "4GiBB",
                          "999999999TiB", "1000000000B"}) {
    EXPECT_FALSE(parse_size(bad).ok()) << bad;
  }
}

TEST(ParseProcessors, CountsThousandths) {
  EXPECT_EQ(parse_processors("2").value(), 2000U);
  EXPECT_EQ(parse_processors("2.0").value(), 2000U);
  EXPECT_EQ(parse_processors("0.5").value(), 500U);
  EXPECT_EQ(parse_processors("1.025").value(), 1025U);
  for (const char* bad : {"", ".", "2.", ".5", "1.0000", "-1", "1,5", "1e3", "2.0.0", " 2"}) {
    EXPECT_FALSE(parse_processors(bad).ok()) << bad;
  }
}

TEST(ParseTime, CountsMinutes) {
  EXPECT_EQ(parse_time("00:00").value(), 0U);
  EXPECT_EQ(parse_time("07:30").value(), 450U);
  EXPECT_EQ(parse_time("24:00").value(), 1440U);
  for (const char* bad : {"", "7:30", "07:60", "24:01", "25:00", "0730", "07:3a", "07:30:00"}) {
    EXPECT_FALSE(parse_time(bad).ok()) << bad;
  }
}

TEST(ParseDays, AreASetOfDaysAndRanges) {
  EXPECT_EQ(parse_days("mon").value(), 1U);
  EXPECT_EQ(parse_days("mon-fri").value(), 31U);
  EXPECT_EQ(parse_days("mon,wed,fri").value(), 21U);
  EXPECT_EQ(parse_days("sun,mon-tue").value(), 67U);
  EXPECT_EQ(parse_days("mon-sun").value(), 127U);
  for (const char* bad : {"", ",", "mon,", "Mon", "fri-mon", "mon-", "-fri", "mon,mon",
                          "mon-fri,tue", "mon fri", "day"}) {
    EXPECT_FALSE(parse_days(bad).ok()) << bad;
  }
}

TEST(Units, WriteWhatTheyRead) {
  for (const char* text : {"90s", "2m", "8h", "2d", "3y", "0s"})
    EXPECT_EQ(model::to_duration_text(parse_duration(text).value()), text);
  for (const char* text : {"0B", "1023B", "3KiB", "10MiB", "4GiB", "2TiB", "2048TiB"})
    EXPECT_EQ(model::to_size_text(parse_size(text).value()), text);
  for (const char* text : {"2", "0.5", "1.25", "1.025"})
    EXPECT_EQ(model::to_cpu_text(parse_processors(text).value()), text);
  for (const char* text : {"00:00", "07:05", "24:00"})
    EXPECT_EQ(model::to_time_text(static_cast<uint16_t>(parse_time(text).value())), text);
  for (int days = 1; days < 128; ++days) {
    const std::string text = model::to_days_text(static_cast<uint8_t>(days));
    EXPECT_EQ(parse_days(text).value(), static_cast<uint64_t>(days)) << text;
  }
}

}  // namespace
}  // namespace carrel::parse
