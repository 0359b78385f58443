#include "launcher/gateway/relay/task.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <optional>

#include "launcher/gateway/relay/buffer.h"

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

/// Both ends of a connection that nobody speaks over.
struct Silent {
  explicit Silent(Loop& loop) {
    std::array<int, 2> ends{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
    ours.emplace(loop, UniqueFd(ends[0]));
    theirs.reset(ends[1]);
  }
  std::optional<Wait> ours;
  UniqueFd theirs;
};

TEST(Deadlines, EndAWaitThatNothingElseEnds) {
  Loop loop(1);
  Silent silent(loop);
  std::optional<bool> more;
  bool passed = false;
  const auto wait = [&]() -> Task<> {
    const Deadline deadline(loop, *silent.ours, 10);
    more = co_await silent.ours->readable();
    passed = deadline.passed();
  };
  start(loop, wait());
  loop.run();
  EXPECT_EQ(more, false);
  EXPECT_TRUE(passed);
  EXPECT_FALSE(silent.ours->open());
}

TEST(Deadlines, ThatEndInTimeCloseNothing) {
  Loop loop(1);
  Silent silent(loop);
  const auto wait = [&]() -> Task<> {
    {
      const Deadline deadline(loop, *silent.ours, 1);
      EXPECT_FALSE(deadline.passed());
    }
    co_await sleep_ms(20);
  };
  start(loop, wait());
  loop.run();
  EXPECT_TRUE(silent.ours->open());
}

TEST(Waits, ForReadingEndAndTheDescriptorStaysOpen) {
  Loop loop(1);
  Silent silent(loop);
  std::optional<bool> first, second, writable;
  const auto wait = [&]() -> Task<> {
    first = co_await silent.ours->readable();
    second = co_await silent.ours->readable();
    writable = co_await silent.ours->writable();
  };
  const auto stop = [&]() -> Task<> {
    silent.ours->stop_reading();
    co_return;
  };
  start(loop, wait());
  start(loop, stop());
  loop.run();
  EXPECT_EQ(first, false);
  EXPECT_EQ(second, false);
  EXPECT_EQ(writable, true);
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
