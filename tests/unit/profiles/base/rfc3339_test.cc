#include "profiles/base/rfc3339.h"

#include <gtest/gtest.h>

namespace carrel {
namespace {

TEST(FromRfc3339, ReadsWhatToRfc3339Writes) {
  for (const uint64_t ns : {uint64_t{0}, uint64_t{1}, uint64_t{1'800'000'000'123'456'789},
                            uint64_t{951'782'400'000'000'000}}) {
    EXPECT_EQ(from_rfc3339(to_rfc3339(ns)), ns) << to_rfc3339(ns);
  }
  EXPECT_EQ(from_rfc3339("2027-01-15T08:00:00Z"), 1'800'000'000'000'000'000U);
  EXPECT_EQ(from_rfc3339("2027-01-15T08:00:00.5Z"), 1'800'000'000'500'000'000U);
  EXPECT_EQ(from_rfc3339("2000-02-29T00:00:00Z"), 951'782'400'000'000'000U);
}

TEST(FromRfc3339, ReadsNothingElse) {
  for (const char* text :
       {"", "Z", "2027-01-15", "2027-01-15T08:00:00", "2027-01-15T08:00:00+01:00",
        "2027-01-15 08:00:00Z", "2027-02-29T00:00:00Z", "2027-13-01T00:00:00Z",
        "2027-01-15T24:00:00Z", "2027-01-15T08:60:00Z", "2027-01-15T08:00:60Z",
        "2027-01-15T08:00:00.Z", "2027-01-15T08:00:00.1234567890Z", "2027-01-15T08:00:00.1xZ",
        "2027-1-15T08:00:00Z", "1969-12-31T23:59:59Z", "2201-01-01T00:00:00Z",
        "+027-01-15T08:00:00Z", "2027-01-15T08:00:00ZZ"}) {
    EXPECT_FALSE(from_rfc3339(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace carrel
