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

TEST(LauncherOptions, TheLowMarkIsHalfOfTheFloorAndNeverAboveIt) {
  const auto parsed = [](const std::vector<const char*>& more) {
    std::vector<const char*> words = {"--ready-fd", "4", "--state-fd", "3"};
    words.insert(words.end(), more.begin(), more.end());
    return parse(words);
  };
  EXPECT_EQ(parsed({}).value().host_floor_mib, 512U);
  EXPECT_EQ(parsed({}).value().host_low_mib, 256U);
  EXPECT_EQ(parsed({"--host-floor-mib", "1"}).value().host_low_mib, 0U);
  EXPECT_EQ(parsed({"--host-low-mib", "0"}).value().host_low_mib, 0U);
  EXPECT_EQ(parsed({"--host-low-mib", "512"}).value().host_low_mib, 512U);
  EXPECT_FALSE(parsed({"--host-low-mib", "513"}).ok());
  EXPECT_FALSE(parsed({"--host-low-mib", "200", "--host-floor-mib", "100"}).ok());
}

TEST(LauncherOptions, SayHowLongADiskLingers) {
  EXPECT_EQ(parse({"--ready-fd", "4", "--state-fd", "3"}).value().linger_ms, 60'000U);
  EXPECT_EQ(parse({"--ready-fd", "4", "--state-fd", "3", "--linger-ms", "0"}).value().linger_ms,
            0U);
  EXPECT_EQ(parse({"launcher", "--linger-ms", "7"}).value().linger_ms, 7U);
  EXPECT_FALSE(parse({"launcher", "--linger-ms", "-7"}).ok());
  EXPECT_FALSE(parse({"--ready-fd", "4", "--state-fd", "3", "--linger-ms"}).ok());
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

TEST(LauncherOptions, OfAServiceNameFolders) {
  const auto plain = parse({"launcher"});
  ASSERT_TRUE(plain.ok());
  ASSERT_TRUE(plain.value().service.has_value());
  EXPECT_EQ(plain.value().service->state, "/var/lib/carrel");
  EXPECT_EQ(plain.value().service->sockets, "/run/carrel");
  const auto named =
      parse({"launcher", "--sockets", "/s", "--state", "/t", "--host-floor-mib", "7"});
  ASSERT_TRUE(named.ok());
  EXPECT_EQ(named.value().service->state, "/t");
  EXPECT_EQ(named.value().service->sockets, "/s");
  EXPECT_EQ(named.value().host_floor_mib, 7U);
  EXPECT_TRUE(parse({"launcher", "--help"}).value().help);
  EXPECT_FALSE(parse({"launcher", "--state"}).ok());
  EXPECT_FALSE(parse({"launcher", "--state", "t"}).ok());
  EXPECT_FALSE(parse({"launcher", "--state-fd", "3"}).ok());
  EXPECT_FALSE(parse({"launcher", "--host-floor-mib", "-1"}).ok());
  EXPECT_FALSE(parse({"--service", "1"}).ok());
}

}  // namespace
}  // namespace carrel::service
