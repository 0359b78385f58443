#include "launcher/gateway/relay/pump.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <memory>

#include "tests/support/require.h"

namespace carrel::gateway {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

struct Pair {
  UniqueFd ours, theirs;
};

/// Sockets of which each direction holds as much as anybody wants to put there.
Pair endless() {
  std::array<int, 2> ends{};
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
  const int size = 64 << 20;
  for (const int end : ends)
    (void)setsockopt(end, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

bool fill(const UniqueFd& to, uint64_t bytes) {
  const std::string piece(64 << 10, 'x');
  for (uint64_t put = 0; put < bytes; put += piece.size()) {
    if (send(to.get(), piece.data(), piece.size(), 0) != static_cast<ssize_t>(piece.size()))
      return false;
  }
  return true;
}

/// One connection's way up: what was put into `from` beforehand goes to `to`.
struct Relay {
  Relay(Loop& loop, Pipes& pipes, Report& report, std::function<void(uint64_t)> moved)
      : from(endless()),
        to(endless()),
        source(std::make_unique<Wait>(loop, UniqueFd(dup(from.ours.get())))),
        sink(std::make_unique<Wait>(loop, UniqueFd(dup(to.ours.get())))),
        tools{pipes, report, std::move(moved)} {}
  Task<> run() {
    const PumpEnd end = co_await pump(*source, *sink, allowance, tools);
    ended = end;
  }
  Pair from, to;
  std::unique_ptr<Wait> source, sink;
  Allowance allowance;
  PumpTools tools;
  std::optional<PumpEnd> ended;
};

class Pumps : public testing::Test {
 protected:
  Pumps() : session_(endless()), report_(loop_, UniqueFd(dup(session_.ours.get()))) {}
  Loop loop_{1};
  Pair session_;
  Report report_;
  Pipes pipes_;
};

/// A client that dies with its session seems to have said all that it had to say.
TEST_F(Pumps, TheEndOfWhoDiedWithTheSessionIsNone) {
  Relay relay(loop_, pipes_, report_, [](uint64_t) {});
  relay.from.theirs.reset();
  session_.theirs.reset();
  start(loop_, relay.run());
  loop_.run();
  EXPECT_EQ(relay.ended, PumpEnd::kReset);
  std::array<char, 1> byte{};
  EXPECT_EQ(recv(relay.to.theirs.get(), byte.data(), byte.size(), MSG_DONTWAIT), -1);
}

TEST_F(Pumps, PassAllBytesAndTheEnd) {
  Relay relay(loop_, pipes_, report_, [](uint64_t) {});
  REQUIRE_FEATURE("so-sndbufforce", fill(relay.from.theirs, 3 * kMiB));
  relay.from.theirs.reset();
  start(loop_, relay.run());
  loop_.run();
  EXPECT_EQ(relay.ended, PumpEnd::kEof);
  EXPECT_EQ(relay.allowance.used(), 3 * kMiB);
}

TEST_F(Pumps, WaitForAPipeWhereTheKernelHasNone) {
  Relay relay(loop_, pipes_, report_, [](uint64_t) {});
  REQUIRE_FEATURE("so-sndbufforce", fill(relay.from.theirs, kMiB));
  relay.from.theirs.reset();
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  start(loop_, relay.run());
  loop_.run_for(std::chrono::milliseconds(100));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_FALSE(relay.ended.has_value());
  loop_.run();
  EXPECT_EQ(relay.ended, PumpEnd::kEof);
  EXPECT_EQ(relay.allowance.used(), kMiB);
}

TEST_F(Pumps, NobodyWaitsForALongOneToEnd) {
  constexpr uint64_t kLong = 16 * kMiB;
  uint64_t long_moved = 0;
  uint64_t before_short = 0;
  Relay longer(loop_, pipes_, report_, [&](uint64_t bytes) { long_moved += bytes; });
  Relay shorter(loop_, pipes_, report_, [&](uint64_t) { before_short = long_moved; });
  REQUIRE_FEATURE("so-sndbufforce", fill(longer.from.theirs, kLong));
  ASSERT_TRUE(fill(shorter.from.theirs, 1));
  longer.from.theirs.reset();
  shorter.from.theirs.reset();
  start(loop_, longer.run());
  start(loop_, shorter.run());
  loop_.run();
  EXPECT_EQ(long_moved, kLong);
  EXPECT_GT(before_short, 0U);
  EXPECT_LE(before_short, 3 * kMiB);
}

/// A source that never ends and a sink that is never full: whoever moves those finds bytes and room
/// at every step.
struct Endless {
  explicit Endless(Loop& loop)
      : source(loop, UniqueFd(open("/dev/zero", O_RDONLY | O_CLOEXEC))),
        sink(loop, UniqueFd(open("/dev/null", O_WRONLY | O_CLOEXEC))) {}
  Wait source, sink;
  Allowance allowance;
  std::optional<PumpEnd> ended;
};

/// One byte at a time, each sent once the one before has come out at the other end.
Task<> round_trips(Wait& in, Wait& out, int wanted, int& done) {
  std::array<char, 1> byte{};
  while (done < wanted) {
    if (send(in.fd(), byte.data(), 1, MSG_NOSIGNAL) != 1) co_return;
    const bool more = co_await out.readable();
    if (!more || recv(out.fd(), byte.data(), 1, 0) != 1) co_return;
    ++done;
  }
}

TEST_F(Pumps, RoundTripsGoOnBesideOneThatNeverEnds) {
  constexpr int kTrips = 100;
  constexpr uint64_t kMostBeside = 16 * kMiB;  // of the endless one during one trip
  Endless endless(loop_);
  Relay trips(loop_, pipes_, report_, [](uint64_t) {});
  Wait in(loop_, std::move(trips.from.theirs));
  Wait out(loop_, std::move(trips.to.theirs));
  int done = 0;
  uint64_t moved = 0;
  const PumpTools tools{pipes_, report_, [&](uint64_t bytes) {
                          moved += bytes;
                          if (done < kTrips && moved < kTrips * kMostBeside) return;
                          endless.source.close();
                          trips.source->close();
                          out.close();
                        }};
  const auto never_ends = [&]() -> Task<> {
    const PumpEnd end = co_await pump(endless.source, endless.sink, endless.allowance, tools);
    endless.ended = end;
  };
  start(loop_, never_ends());
  start(loop_, trips.run());
  start(loop_, round_trips(in, out, kTrips, done));
  loop_.run();
  EXPECT_EQ(done, kTrips);
  EXPECT_LT(moved, kTrips * kMostBeside);
  EXPECT_GT(moved, kTrips * kMiB / 4);  // it went at full speed meanwhile
  EXPECT_EQ(endless.ended, PumpEnd::kReset);
}

}  // namespace
}  // namespace carrel::gateway
