// The workspace can keep every one of the gateway's sockets full: no step of the one loop does more
// than a bounded part of what waits there, so that everything else has its turn between two steps.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <vector>

#include "launcher/gateway/relay/gateway.h"
#include "tests/unit/launcher/gateway/relay/world.h"

namespace carrel::gateway {
namespace {

using test::Served;
using test::World;

constexpr size_t kMostAStep = 64;

struct Steps {
  size_t done = 0;  // in all
  size_t most = 0;  // within one step of the loop
};

/// Steps of the loop until `wanted` things are done, which `more` counts after each.
Steps run(Loop& loop, size_t wanted, const std::function<size_t()>& more) {
  Steps steps;
  while (steps.done < wanted && loop.run_one_for(std::chrono::seconds(5)) > 0) {
    const size_t now = more();
    steps.done += now;
    steps.most = std::max(steps.most, now);
  }
  return steps;
}

/// How many clients have been hung up on since the last call; they are taken away.
size_t take_ended(std::vector<UniqueFd>& clients) {
  return std::erase_if(clients, [](const UniqueFd& each) { return test::hung_up(each); });
}

std::vector<UniqueFd> clients_of(Served& served, size_t count) {
  std::vector<UniqueFd> clients(count);
  for (UniqueFd& each : clients)
    each = served.client();
  return clients;
}

TEST(Fair, QuestionsOverUdp) {
  constexpr uint16_t kQuestions = 200;
  World world;
  Served served(SOCK_DGRAM);
  const UniqueFd client = served.client();
  for (uint16_t i = 0; i < kQuestions; ++i) {
    const std::string asked = test::question(i);
    ASSERT_EQ(send(client.get(), asked.data(), asked.size(), 0),
              static_cast<ssize_t>(asked.size()));
  }
  DnsServer server(world.parts);
  start(world.loop, server.serve_udp(std::make_shared<Wait>(world.loop, std::move(served.socket))));
  const Steps steps = run(world.loop, kQuestions, [&client] {
    std::array<char, 512> answer{};
    size_t count = 0;
    while (recv(client.get(), answer.data(), answer.size(), MSG_DONTWAIT) > 0)
      ++count;
    return count;
  });
  EXPECT_EQ(steps.done, kQuestions);
  EXPECT_LE(steps.most, kMostAStep);
}

TEST(Fair, QuestionsOneBehindTheOtherOverTcp) {
  constexpr uint16_t kQuestions = 500;
  World world;
  Served served(SOCK_STREAM);
  const UniqueFd client = served.client();
  std::string asked;
  for (uint16_t i = 0; i < kQuestions; ++i)
    asked += test::framed_question(i);
  ASSERT_EQ(send(client.get(), asked.data(), asked.size(), 0), static_cast<ssize_t>(asked.size()));
  DnsServer server(world.parts);
  start(world.loop, server.serve_tcp(std::make_shared<Wait>(world.loop, std::move(served.socket))));
  std::string answers;
  const Steps steps = run(world.loop, kQuestions, [&] {
    answers += test::take_all(client);
    return test::take_frames(answers);
  });
  EXPECT_EQ(steps.done, kQuestions);
  EXPECT_LE(steps.most, kMostAStep);
}

TEST(Fair, ConnectionsForQuestions) {
  constexpr size_t kMore = 200;  // than are served at once: they are closed
  World world;
  Served served(SOCK_STREAM);
  std::vector<UniqueFd> clients = clients_of(served, DnsServer::kMostConnections + kMore);
  DnsServer server(world.parts);
  start(world.loop, server.serve_tcp(std::make_shared<Wait>(world.loop, std::move(served.socket))));
  const Steps steps = run(world.loop, kMore, [&clients] { return take_ended(clients); });
  EXPECT_EQ(steps.done, kMore);
  EXPECT_LE(steps.most, kMostAStep);
}

TEST(Fair, ConnectionsOutwards) {
  constexpr size_t kClients = 300;
  World world;
  Served served(SOCK_STREAM);
  std::vector<UniqueFd> clients = clients_of(served, kClients);  // to no name: each is reset
  Gateway gateway(world.parts,
                  {std::move(served.socket), std::move(Served(SOCK_DGRAM).socket),
                   std::move(Served(SOCK_DGRAM).socket), std::move(Served(SOCK_STREAM).socket),
                   std::move(Served(SOCK_STREAM).socket), std::move(Served(SOCK_DGRAM).socket)});
  gateway.start();
  const Steps steps = run(world.loop, kClients, [&clients] { return take_ended(clients); });
  EXPECT_EQ(steps.done, kClients);
  EXPECT_LE(steps.most, kMostAStep);
}

}  // namespace
}  // namespace carrel::gateway
