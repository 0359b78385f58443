#include "broker/service/slices/patterns.h"

#include <gtest/gtest.h>

namespace carrel::slices {
namespace {

TEST(Patterns, MatchTheEntryAndNothingElse) {
  const struct {
    const char* path;
    bool folder;
    const char* pattern;
  } table[] = {
      {"vendor", true, "/vendor/"},
      {"docs/SPEC.md", false, "/docs/SPEC.md"},
      {"a*b?[c]\\d", false, "/a\\*b\\?\\[c]\\\\d"},
      {"!a/#b", false, "/!a/#b"},
      {"a b  ", false, "/a b\\ \\ "},
      {" ", false, "/\\ "},
  };
  for (const auto& row : table) {
    const auto pattern = entry_pattern({row.path, row.folder});
    ASSERT_TRUE(pattern.ok()) << row.path;
    EXPECT_EQ(pattern.value(), row.pattern);
  }
}

TEST(Patterns, RefuseALineEnd) {
  EXPECT_FALSE(entry_pattern({"a\nb", true}).ok());
  EXPECT_FALSE(entry_pattern({"a\r", false}).ok());
}

TEST(Patterns, MakeBothFiles) {
  const std::vector<manifest::ReadOnlyEntry> entries = {{"a", true}, {"b/c", false}};
  EXPECT_EQ(sparse_patterns(entries).value(), "/*\n!/a/\n!/b/c\n");
  EXPECT_TRUE(exclude_patterns(entries).value().ends_with("\n/a/\n/b/c\n"));
}

}  // namespace
}  // namespace carrel::slices
