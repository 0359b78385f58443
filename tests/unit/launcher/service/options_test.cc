#include "launcher/service/options.h"

#include <gtest/gtest.h>

#include <vector>

namespace carrel::service {
namespace {

Result<LauncherOptions> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "carrel-launcher");
  return parse_launcher_options(static_cast<int>(words.size()), words.data());
}

TEST(LauncherOptions, TakeBothDescriptors) {
  const auto options = parse({"--ready-fd", "4", "--state-fd", "3"});
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options.value().state_fd, 3);
  EXPECT_EQ(options.value().ready_fd, 4);
  EXPECT_EQ(options.value().idle_ms, 60'000U);
  EXPECT_EQ(parse({"--ready-fd", "4", "--state-fd", "3", "--idle-ms", "5"}).value().idle_ms, 5U);
}

TEST(LauncherOptions, RefuseEverythingElse) {
  EXPECT_FALSE(parse({}).ok());
  EXPECT_FALSE(parse({"--state-fd", "3"}).ok());
  EXPECT_FALSE(parse({"--state-fd"}).ok());
  EXPECT_FALSE(parse({"--state-fd", "2", "--ready-fd", "4"}).ok());
  EXPECT_FALSE(parse({"--state-fd", "3", "--ready-fd", "4", "--idle-ms", "-5"}).ok());
  EXPECT_FALSE(parse({"--state-fd", "3x", "--ready-fd", "4"}).ok());
  EXPECT_FALSE(parse({"--state-fd", "3", "--ready-fd", "4", "--knob", "5"}).ok());
}

}  // namespace
}  // namespace carrel::service
