#include <gtest/gtest.h>

#include "launcher/gateway/relay/buffer.h"
#include "launcher/gateway/relay/task.h"

namespace carrel::gateway {
namespace {

constexpr uint64_t kMany = 1000;

/// How far somebody who never waits had come before anybody else came to anything.
uint64_t steps_before_others(uint64_t bytes_a_step) {
  Loop loop(1);
  uint64_t steps = 0;
  uint64_t before = 0;
  const auto busy = [&]() -> Task<> {
    Turn turn(1000);
    for (; steps < kMany; ++steps)
      co_await turn.moved(bytes_a_step);
  };
  const auto other = [&]() -> Task<> {
    before = steps;
    co_return;
  };
  start(loop, busy());
  start(loop, other());
  loop.run();
  EXPECT_EQ(steps, kMany);
  return before;
}

TEST(Turns, EndWithTheirBytes) {
  EXPECT_EQ(steps_before_others(500), 1U);
  EXPECT_EQ(steps_before_others(1000), 0U);
}

TEST(Turns, EndWithTheirStepsHoweverFewBytesThoseMove) {
  EXPECT_EQ(steps_before_others(1), Turn::kSteps - 1);
  EXPECT_EQ(steps_before_others(0), Turn::kSteps - 1);
}

TEST(Buffers, AreReadFromTheFrontAndGrowAtTheEnd) {
  Buffer buffer;
  EXPECT_TRUE(buffer.empty());
  buffer.room() += "abcdef";
  buffer.take(2);
  EXPECT_EQ(buffer.view(), "cdef");
  const char* where = buffer.view().data();
  buffer.take(1);
  EXPECT_EQ(buffer.view().data(), where + 1);  // nothing was moved
  buffer.room() += "g";
  EXPECT_EQ(buffer.view(), "defg");
  buffer.take(4);
  EXPECT_TRUE(buffer.empty());
  buffer = "new";
  EXPECT_EQ(buffer.view(), "new");
}

}  // namespace
}  // namespace carrel::gateway
