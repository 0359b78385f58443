#include "broker/wire/manifest/slice_key.h"

#include <gtest/gtest.h>

#include <set>

namespace carrel::manifest {
namespace {

SliceIdentity sample() {
  return {"2049:17", std::string(40, 'a'), "app",       "main",     "none",
          "bind",    {"docs", "web"},      {"web/src"}, {"secrets"}};
}

TEST(SliceKey, IsPinnedByteForByte) {
  // sha256 of "14:carrel-slice 2" "7:2049:17" "40:aaa…" "3:app" "4:main" "4:none" "4:bind"
  // "1:2" "4:docs" "3:web" "1:1" "7:web/src" "1:1" "7:secrets": raise kSliceFormat to change it.
  EXPECT_EQ(slice_key(sample()),
            "f4e64225a798afd6541ba74fe2b47667d67f763c17ab6988e77e4432f89b5206");
}

TEST(SliceKey, DoesNotDependOnOrderOrRepetition) {
  SliceIdentity other = sample();
  other.read = {"web", "docs", "web"};
  EXPECT_EQ(slice_key(other), slice_key(sample()));
}

TEST(SliceKey, DependsOnEverythingElse) {
  std::set<std::string> keys = {slice_key(sample())};
  const auto expect_new = [&keys](auto change) {
    SliceIdentity other = sample();
    change(other);
    EXPECT_TRUE(keys.insert(slice_key(other)).second);
  };
  expect_new([](SliceIdentity& it) { it.origin = "2049:18"; });
  expect_new([](SliceIdentity& it) { it.commit = std::string(40, 'b'); });
  expect_new([](SliceIdentity& it) { it.name = "app2"; });
  expect_new([](SliceIdentity& it) { it.ref = "refs/heads/main"; });
  expect_new([](SliceIdentity& it) { it.history = "squashed"; });
  expect_new([](SliceIdentity& it) { it.enforce = "gate"; });
  expect_new([](SliceIdentity& it) { it.read = {"docs"}; });
  expect_new([](SliceIdentity& it) { it.write.clear(); });
  expect_new([](SliceIdentity& it) { it.never = {"secrets2"}; });
  expect_new([](SliceIdentity& it) { std::swap(it.read, it.write); });
  // Nothing can be moved from one field or list into its neighbour.
  expect_new([](SliceIdentity& it) { it.read = {"docs", "web", "web/src"}, it.write = {}; });
  expect_new([](SliceIdentity& it) { it.read = {"docs3:web"}; });
}

TEST(SliceAnswer, IsReadBackAndNothingElseIs) {
  const std::string id = "0123456789abcdef0123456789abcdef01234567";
  const std::string good = format_resolved(id);
  EXPECT_LE(good.size(), kMaxResolvedBytes);
  ASSERT_TRUE(parse_resolved(good).ok());
  EXPECT_EQ(parse_resolved(good).value(), id);
  std::string upper = good;
  upper[10] = 'A';
  const std::vector<std::string> wrong = {"",
                                          id,
                                          "commit " + id,
                                          "commit \n",
                                          "commit " + id + "0\n",
                                          "commit " + id.substr(1) + "\n",
                                          upper,
                                          "commit  " + id.substr(1) + "\n",
                                          good + good,
                                          good + '\0',
                                          "commit " + id.substr(1) + '\0' + "\n",
                                          "commit " + std::string(37, '.') + "/..\n"};
  for (const std::string& bad : wrong)
    EXPECT_FALSE(parse_resolved(bad).ok()) << bad;
}

}  // namespace
}  // namespace carrel::manifest
