#include "broker/service/slices/exposure.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace carrel::slices {
namespace {

std::vector<RelPath> paths(std::initializer_list<const char*> texts) {
  std::vector<RelPath> out;
  for (const char* text : texts)
    out.push_back(RelPath::parse(text).take());
  return out;
}

Exposure at(const Rules& rules, const char* path) {
  return rules.exposure_of(RelPath::parse(path).take());
}

std::vector<std::string> required(const Rules& rules) {
  std::vector<std::string> out;
  for (const RelPath& path : rules.required())
    out.push_back(path.text());
  return out;
}

TEST(Exposure, FollowsTheTable) {
  const Rules rules(paths({"docs", "lib", "web"}), paths({"web/src", "tools/bin/run"}),
                    paths({"docs/private", "web/src/secrets", "web/hidden.txt"}));
  const struct {
    const char* path;
    Exposure exposure;
  } table[] = {
      {"docs", Exposure::kReadOnly},
      {"docs/a/b", Exposure::kReadOnly},
      {"docs/private", Exposure::kHidden},
      {"docs/private/x", Exposure::kHidden},
      {"docs/privateer", Exposure::kReadOnly},
      {"docs-old", Exposure::kHidden},
      {"doc", Exposure::kHidden},
      {"lib/x", Exposure::kReadOnly},
      {"web", Exposure::kWritable},  // cannot be bound: web/src is written
      {"web/index", Exposure::kWritable},
      {"web/hidden.txt", Exposure::kHidden},
      {"web/src/a", Exposure::kWritable},
      {"web/src/secrets/a/b", Exposure::kHidden},
      {"tools", Exposure::kParent},
      {"tools/bin", Exposure::kParent},
      {"tools/bin/run", Exposure::kWritable},
      {"tools/bin/run/below", Exposure::kWritable},
      {"tools/bin/ru", Exposure::kHidden},
      {"tools/lib", Exposure::kHidden},
      {"other", Exposure::kHidden},
  };
  for (const auto& row : table)
    EXPECT_EQ(at(rules, row.path), row.exposure) << row.path;
  EXPECT_EQ(required(rules),
            (std::vector<std::string>{"docs", "lib", "tools/bin/run", "web", "web/src"}));
}

TEST(Exposure, WithoutEntriesHidesEverything) {
  const Rules rules({}, {}, {});
  EXPECT_EQ(at(rules, "a"), Exposure::kHidden);
  EXPECT_EQ(rules.root().exposure(), Exposure::kHidden);
}

TEST(Exposure, NeverWinsAtTheSamePathAndOverEntriesBelow) {
  const Rules rules(paths({"a", "b", "c/d"}), paths({"a/x/y"}), paths({"a/x", "b", "c"}));
  EXPECT_EQ(at(rules, "a/x/y"), Exposure::kHidden);
  EXPECT_EQ(at(rules, "b"), Exposure::kHidden);
  EXPECT_EQ(at(rules, "c"), Exposure::kHidden);
  EXPECT_EQ(at(rules, "c/d"), Exposure::kHidden);
  // A hidden writable entry does not keep "a" from being bound, and need not exist.
  EXPECT_EQ(at(rules, "a/z"), Exposure::kReadOnly);
  EXPECT_EQ(required(rules), std::vector<std::string>{"a"});
}

TEST(Exposure, WriteWinsOverReadOfTheSamePath) {
  const Rules rules(paths({"a"}), paths({"a"}), {});
  EXPECT_EQ(at(rules, "a/b"), Exposure::kWritable);
}

TEST(Exposure, TheNearestEntryDecides) {
  const Rules rules(paths({"a", "a/r", "w/r"}), paths({"a/w", "w"}), {});
  EXPECT_EQ(at(rules, "a/x"), Exposure::kWritable);
  EXPECT_EQ(at(rules, "a/r/x"), Exposure::kReadOnly);
  EXPECT_EQ(at(rules, "w/r/x"), Exposure::kReadOnly);
  EXPECT_EQ(at(rules, "w/x"), Exposure::kWritable);
}

TEST(Exposure, OnlyTheOuterOfTwoBoundEntriesStartsABinding) {
  const Rules rules(paths({"a", "a/b"}), {}, {});
  const auto outer = rules.root().child("a");
  EXPECT_TRUE(outer.starts_binding());
  EXPECT_FALSE(outer.child("b").starts_binding());
  EXPECT_FALSE(outer.child("c").starts_binding());
  EXPECT_EQ(outer.child("b").exposure(), Exposure::kReadOnly);
}

}  // namespace
}  // namespace carrel::slices
