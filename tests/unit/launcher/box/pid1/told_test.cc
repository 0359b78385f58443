// What carrel-init reads of a packet that asks for a further command: whole or not at all.

#include "launcher/box/pid1/told.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace carrel::pid1 {
namespace {

class ToldTest : public testing::Test {
 protected:
  ToldTest() {
    plan_->head = &head_;
    for (const char* each : {"PATH=/bin", "TERM=dumb", "LANG=C"})
      plan_->environment[head_.environment_count++] = const_cast<char*>(each);
  }
  /// Writes a packet into `wanted_` and reads it.
  bool read(uint32_t arguments, uint32_t environment, const std::string& strings,
            bool terminal = true, int fds = 0) {
    *wanted_ = Wanted{};
    init::Spawn spawn{};
    spawn.record.a = terminal ? init::kSpawnTerminal : 0;
    spawn.argument_count = arguments;
    spawn.environment_count = environment;
    memcpy(wanted_->bytes, &spawn, sizeof spawn);
    memcpy(wanted_->bytes + sizeof spawn, strings.data(), strings.size());
    wanted_->fd_count = fds;
    return read_wanted(*plan_, sizeof spawn + strings.size(), wanted_.get());
  }
  static std::vector<std::string> list(char* const* entries) {
    std::vector<std::string> all;
    for (; *entries != nullptr; ++entries)
      all.emplace_back(*entries);
    return all;
  }

  init::InitPlan head_{};
  std::unique_ptr<Plan> plan_ = std::make_unique<Plan>();
  std::unique_ptr<Wanted> wanted_ = std::make_unique<Wanted>();
};

using Words = std::vector<std::string>;

TEST_F(ToldTest, ArgumentsAndTheEnvironmentThatIsReplaced) {
  ASSERT_TRUE(read(2, 1, std::string("make\0-j2\0TERM=xterm\0", 20)));
  EXPECT_EQ(list(wanted_->arguments), (Words{"make", "-j2"}));
  EXPECT_EQ(list(wanted_->environment), (Words{"PATH=/bin", "TERM=xterm", "LANG=C"}));
}

TEST_F(ToldTest, OnlyNamesThatThePlanHasAreReplaced) {
  ASSERT_TRUE(read(1, 1, std::string("sh\0LD_PRELOAD=/tmp/x\0", 21)));
  EXPECT_EQ(list(wanted_->environment), (Words{"PATH=/bin", "TERM=dumb", "LANG=C"}));
  ASSERT_TRUE(read(1, 1, std::string("sh\0TER=x\0", 9)));
  EXPECT_EQ(list(wanted_->environment), (Words{"PATH=/bin", "TERM=dumb", "LANG=C"}));
}

TEST_F(ToldTest, WhatIsNotWholeIsNothing) {
  const std::string sh("sh\0", 3);
  ASSERT_TRUE(read(1, 0, sh));
  EXPECT_FALSE(read(0, 0, ""));
  EXPECT_FALSE(read(2, 0, sh));        // one is missing
  EXPECT_FALSE(read(1, 0, "sh"));      // no end
  EXPECT_FALSE(read(1, 0, sh + "x"));  // something behind it
  EXPECT_FALSE(read(1, 9, sh));        // more than there may be
  EXPECT_FALSE(read(init::kMaxStrings + 1, 0, sh));
  EXPECT_FALSE(read(UINT32_MAX, UINT32_MAX, sh));
  EXPECT_FALSE(read(1, 0, sh, true, 3));  // a terminal brings no descriptors
  EXPECT_FALSE(read(1, 0, sh, false, 2));
  EXPECT_TRUE(read(1, 0, sh, false, 3));
  EXPECT_FALSE(read_wanted(*plan_, sizeof(init::Spawn) - 1, wanted_.get()));
}

/// Every string that is taken lies inside what was received.
TEST_F(ToldTest, FuzzedPacketsAreTakenInsideTheirBytes) {
  std::mt19937 random(20261126);  // NOLINT: a fixed seed makes failures repeatable
  int taken = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string strings(random() % 64, 'a');
    for (char& c : strings)
      c = static_cast<char>(random() % 3 == 0 ? 0 : 'A' + random() % 64);
    const auto count = static_cast<uint32_t>(random() % 12);
    if (!read(count, static_cast<uint32_t>(random() % 10), strings)) continue;
    ++taken;
    const char* end = wanted_->bytes + sizeof(init::Spawn) + strings.size();
    uint32_t seen = 0;
    for (char* const* each = wanted_->arguments; *each != nullptr; ++each, ++seen)
      ASSERT_TRUE(*each >= wanted_->bytes && *each + strlen(*each) < end);
    ASSERT_EQ(seen, count);
    ASSERT_EQ(list(wanted_->environment).size(), 3U);
  }
  EXPECT_GT(taken, 100);
}

}  // namespace
}  // namespace carrel::pid1
