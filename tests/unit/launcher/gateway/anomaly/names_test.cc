#include "launcher/gateway/anomaly/names.h"

#include <gtest/gtest.h>

#include <string>

namespace carrel::gateway::anomaly {
namespace {

std::string words(const std::vector<DeniedNames::Found>& found) {
  std::string out;
  for (const auto& each : found)
    out += (out.empty() ? "" : " ") + std::string(each.flag.what) +
           (each.name.empty() ? "" : ":" + each.name);
  return out;
}

TEST(DeniedNames, AreMoreThanTwentyAMinute) {
  DeniedNames names;
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(words(names.add("n" + std::to_string(i) + ".test", 1)), "");
  EXPECT_EQ(words(names.add("n7.test", 2)), "");  // again
  const auto found = names.add("n20.test", 1 + 8 * kSecondNs);
  ASSERT_EQ(words(found), "names");
  EXPECT_EQ(found[0].flag.detail,
            "21 different names that no rule has were asked for within 8.0 s, the last n20.test");
  EXPECT_EQ(words(names.add("n21.test", 1 + 8 * kSecondNs)), "");  // once
}

TEST(DeniedNames, OfAnotherMinuteAreOthers) {
  const auto last = [](uint64_t now_ns) {
    DeniedNames names;
    for (int i = 0; i < 20; ++i)
      (void)names.add("n" + std::to_string(i) + ".test", 1);
    return words(names.add("n20.test", now_ns));
  };
  EXPECT_EQ(last(kMinuteNs), "names");
  EXPECT_EQ(last(1 + kMinuteNs), "");
  EXPECT_EQ(last(0), "names");  // time that goes backwards ends no minute
}

TEST(DeniedNames, MoreThanTenUnderOneSuffix) {
  DeniedNames names;
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(words(names.add("n" + std::to_string(i) + ".example.org", 1)), "");
  EXPECT_EQ(words(names.add("example.org", 1)), "");
  EXPECT_EQ(words(names.add("n.example.net", 1)), "");
  const auto found = names.add("a.b.example.org", 1);
  ASSERT_EQ(words(found), "suffix:example.org");
  EXPECT_EQ(found[0].flag.detail,
            "11 different names under this one, which no rule has, were asked for within 0.0 s, "
            "the last a.b.example.org");
  EXPECT_EQ(words(names.add("n11.example.org", 1)), "");
}

TEST(DeniedNames, AddressesAreNoSuffix) {
  DeniedNames names;
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(words(names.add(std::to_string(i) + ".2.0.192.in-addr.arpa", 1)), "");
}

TEST(DeniedNames, LongLabelsInTheMean) {
  const auto nth = [](size_t length, int i) {
    std::string label = std::to_string(i) + std::string(length, 'x');
    label.resize(length);
    return label + ".t" + std::to_string(i) + ".test";  // under no common suffix
  };
  DeniedNames names;
  for (int i = 0; i < 9; ++i)
    EXPECT_EQ(words(names.add(nth(21, i), 1)), "");
  const auto found = names.add(nth(21, 9), 1);
  ASSERT_EQ(words(found), "labels");
  EXPECT_EQ(found[0].flag.detail,
            "10 names that no rule has, the labels of which are 21.0 characters long in the mean, "
            "were asked for within 0.0 s, the last 9xxxxxxxxxxxxxxxxxxxx.t9.test");
  EXPECT_EQ(words(names.add(nth(60, 10), 1)), "");
  DeniedNames edge;
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(words(edge.add(nth(20, i), 1)), "");
}

TEST(DeniedNames, PartsOfAName) {
  const auto parts = [](std::string_view name) {
    const NameParts found = parts_of(name);
    return std::string(found.front) + "|" + std::string(found.suffix);
  };
  EXPECT_EQ(parts("a.b.example.org"), "a.b|example.org");
  EXPECT_EQ(parts("example.org"), "|example.org");
  EXPECT_EQ(parts("a.example.co.uk"), "a|example.co.uk");
  EXPECT_EQ(parts("example.co.uk"), "|example.co.uk");
  EXPECT_EQ(parts("co.uk"), "|co.uk");
  EXPECT_EQ(parts("x.t.de"), "x|t.de");
  EXPECT_EQ(parts("x"), "|x");
  EXPECT_EQ(parts(""), "|");
  EXPECT_EQ(parts("."), "|.");
  EXPECT_EQ(parts("..."), ".|.");
  EXPECT_EQ(parts(std::string("\0.\xff.x", 5)), std::string("\0|\xff.x", 5));
}

TEST(DeniedNames, FillNoMemory) {
  DeniedNames names;
  size_t found = 0;
  for (int i = 0; i < 100'000; ++i)
    found += names.add("x." + std::to_string(i) + ".test", 1).size();
  EXPECT_EQ(found, 1U);
  for (int i = 0; i < 11; ++i)  // beyond what is kept nothing is looked at
    EXPECT_EQ(words(names.add("n" + std::to_string(i) + ".late.test", 1)), "");
  EXPECT_EQ(words(names.add("n.late.test", 1 + kMinuteNs)), "");
}

}  // namespace
}  // namespace carrel::gateway::anomaly
