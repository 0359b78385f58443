#include "launcher/gateway/relay/dns_server.h"

#include <gtest/gtest.h>

#include <chrono>

#include "tests/unit/launcher/gateway/relay/world.h"

namespace carrel::gateway {
namespace {

using test::Served;
using test::World;

constexpr auto kAWhile = std::chrono::milliseconds(200);
constexpr uint64_t kSecondNs = 1'000'000'000;

/// Whether a question over this connection is answered.
bool answered(World& world, const UniqueFd& client) {
  const std::string asked = test::framed_question(1);
  (void)send(client.get(), asked.data(), asked.size(), MSG_NOSIGNAL);
  world.loop.run_for(kAWhile);
  std::string came = test::take_all(client);
  return test::take_frames(came) == 1;
}

TEST(DnsServer, EndsAConnectionThatHasLastedLongEnoughAndTakesAnother) {
  World world;
  Served served(SOCK_STREAM);
  std::vector<UniqueFd> clients(DnsServer::kMostConnections);
  for (UniqueFd& each : clients)
    each = served.client();
  DnsServer server(world.parts);
  const auto listener = std::make_shared<Wait>(world.loop, UniqueFd(dup(served.socket.get())));
  start(world.loop, server.serve_tcp(listener));
  EXPECT_TRUE(answered(world, clients.front()));
  server.close_late(now_ns() + 5 * kSecondNs);
  EXPECT_TRUE(answered(world, clients.back()));
  EXPECT_FALSE(answered(world, served.client()));  // one more than there may be
  server.close_late(now_ns() + 10 * kSecondNs);
  world.loop.run_for(kAWhile);
  for (const UniqueFd& each : clients)
    EXPECT_TRUE(test::hung_up(each));
  EXPECT_TRUE(answered(world, served.client()));
}

}  // namespace
}  // namespace carrel::gateway
