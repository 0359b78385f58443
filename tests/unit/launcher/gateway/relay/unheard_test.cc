// A session that does not listen: nothing is answered that it is not told of, and what it has not
// read yet stays bounded.

#include <gtest/gtest.h>

#include <chrono>
#include <functional>

#include "launcher/gateway/relay/gateway.h"
#include "tests/unit/launcher/gateway/relay/world.h"

namespace carrel::gateway {
namespace {

using test::Served;
using test::World;

constexpr auto kLong = std::chrono::seconds(10);
constexpr auto kAWhile = std::chrono::milliseconds(300);

class Unheard : public testing::Test {
 protected:
  Unheard()
      : client_udp_(udp_.client()),
        client_tcp_(tcp_.client()),
        gateway_(world_.parts,
                 {std::move(Served(SOCK_STREAM).socket), std::move(udp_.socket),
                  std::move(Served(SOCK_DGRAM).socket), std::move(tcp_.socket),
                  std::move(Served(SOCK_STREAM).socket), std::move(Served(SOCK_DGRAM).socket)}) {
    gateway_.start();
    EXPECT_TRUE(gateway_.begin(0));
  }
  /// Over both; they are counted by answers().
  void ask(uint16_t first, uint16_t behind) {
    std::string stream;
    for (uint16_t i = first; i <= behind; ++i) {
      const std::string asked = test::question(i);
      ASSERT_EQ(send(client_udp_.get(), asked.data(), asked.size(), 0),
                static_cast<ssize_t>(asked.size()));
      stream += test::framed_question(i);
    }
    ASSERT_EQ(send(client_tcp_.get(), stream.data(), stream.size(), 0),
              static_cast<ssize_t>(stream.size()));
  }
  /// What has come since the last call.
  size_t answers() {
    std::array<char, 512> answer{};
    size_t count = 0;
    while (recv(client_udp_.get(), answer.data(), answer.size(), MSG_DONTWAIT) > 0)
      ++count;
    from_stream_ += test::take_all(client_tcp_);
    return count + test::take_frames(from_stream_);
  }
  /// Runs the loop until it is so.
  bool until(const std::function<bool()>& so) {
    const auto end = std::chrono::steady_clock::now() + kLong;
    while (!so() && std::chrono::steady_clock::now() < end)
      world_.loop.run_one_for(kAWhile);
    return so();
  }

  World world_;
  Served udp_{SOCK_DGRAM}, tcp_{SOCK_STREAM};
  UniqueFd client_udp_, client_tcp_;
  std::string from_stream_;
  Gateway gateway_;
};

TEST_F(Unheard, NothingIsAnswered) {
  size_t answered = 0;
  ask(1, 5);
  ASSERT_TRUE(until([&] { return (answered += answers()) == 10; }));
  world_.fill_report();
  ask(101, 120);
  world_.loop.run_for(kAWhile);
  EXPECT_EQ(answers(), 0U);
  answered = 0;
  std::string told;
  EXPECT_TRUE(until([&] {
    told += test::take_all(world_.session);
    return (answered += answers()) == 40;
  }));
  told += test::take_all(world_.session);
  for (const char* name : {"n5.test", "n101.test", "n120.test"})
    EXPECT_NE(told.find(name), std::string::npos) << name;
}

TEST_F(Unheard, TheLastCountsWaitUntilThereIsRoom) {
  size_t answered = 0;
  ask(1, 5);
  ask(1, 5);
  ASSERT_TRUE(until([&] { return (answered += answers()) == 20; }));
  world_.fill_report();
  bool done = false;
  gateway_.end([&done] { done = true; });
  world_.loop.run_for(kAWhile);
  EXPECT_FALSE(done);
  std::string told;
  EXPECT_TRUE(until([&] {
    told += test::take_all(world_.session);
    return done;
  }));
  EXPECT_TRUE(until([&] {
    told += test::take_all(world_.session);
    return told.rfind("n5.test") > told.rfind("xxxx");
  }));
}

}  // namespace
}  // namespace carrel::gateway
