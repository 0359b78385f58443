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

}  // namespace
}  // namespace carrel::slices
