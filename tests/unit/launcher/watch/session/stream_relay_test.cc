#include "launcher/watch/session/stream_relay.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace carrel::session {
namespace {

struct Line {
  Line() {
    int client_ends[2] = {-1, -1}, server_ends[2] = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, client_ends), 0);
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, server_ends), 0);
    client.reset(client_ends[0]);
    server.reset(server_ends[0]);
    relay = std::make_unique<StreamRelay>(UniqueFd(client_ends[1]), UniqueFd(server_ends[1]));
  }
  UniqueFd client, server;
  std::unique_ptr<StreamRelay> relay;
};

/// Nothing: it would have to wait; "" at the end.
std::optional<std::string> read_from(const UniqueFd& fd) {
  std::array<char, 65536> part{};
  const ssize_t got = recv(fd.get(), part.data(), part.size(), MSG_DONTWAIT);
  if (got < 0) return std::nullopt;
  return std::string(part.data(), static_cast<size_t>(got));
}

TEST(StreamRelay, PassesBytesAndCountsThoseOfTheClient) {
  Line line;
  ASSERT_EQ(write(line.client.get(), "hello", 5), 5);
  ASSERT_EQ(write(line.server.get(), "welcome", 7), 7);
  line.relay->serve();
  EXPECT_EQ(read_from(line.server), "hello");
  EXPECT_EQ(read_from(line.client), "welcome");
  EXPECT_EQ(line.relay->from_client(), 5U);
  EXPECT_TRUE(line.relay->passed_on());
  EXPECT_FALSE(line.relay->over());
}

TEST(StreamRelay, PassesTheClientsEndOnAndStillBringsTheServersAnswer) {
  Line line;
  ASSERT_EQ(write(line.client.get(), "bye", 3), 3);
  ASSERT_EQ(shutdown(line.client.get(), SHUT_WR), 0);
  line.relay->serve();
  line.relay->serve();
  EXPECT_EQ(read_from(line.server), "bye");
  EXPECT_EQ(read_from(line.server), "");
  ASSERT_EQ(write(line.server.get(), "last", 4), 4);
  line.relay->serve();
  EXPECT_EQ(read_from(line.client), "last");
  EXPECT_FALSE(line.relay->over());
  line.server.reset();
  line.relay->serve();
  EXPECT_TRUE(line.relay->over());
  EXPECT_EQ(read_from(line.client), "");
  EXPECT_TRUE(line.relay->waits().empty());
}

TEST(StreamRelay, TakesNoMoreThanItHasRoomForWhereNobodyReads) {
  Line line;
  const std::string chunk(65536, 'x');
  size_t sent = 0;
  for (int i = 0; i < 1000; ++i) {
    const ssize_t taken = send(line.client.get(), chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (taken > 0) sent += static_cast<size_t>(taken);
    line.relay->serve();
  }
  EXPECT_LT(sent, size_t{4} << 20);
  for (const pollfd& wait : line.relay->waits())
    EXPECT_TRUE(wait.events == POLLIN || wait.events == POLLOUT ||
                wait.events == (POLLIN | POLLOUT));
  size_t got = 0;
  while (got < sent) {
    const auto part = read_from(line.server);
    ASSERT_TRUE(part.has_value() || got < sent);
    if (part.has_value()) got += part->size();
    line.relay->serve();
  }
  EXPECT_EQ(got, sent);
}

TEST(StreamRelay, AClientThatIsGoneIsNotWaitedFor) {
  Line line;
  line.client.reset();
  ASSERT_EQ(write(line.server.get(), "nobody reads this", 17), 17);
  for (int i = 0; i < 3; ++i)
    line.relay->serve();
  EXPECT_TRUE(line.relay->over());
  EXPECT_TRUE(line.relay->passed_on());
}

}  // namespace
}  // namespace carrel::session
