#include "broker/wire/protocol/connection.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/wire/protocol/messages.pb.h"

namespace carrel::protocol {
namespace {

struct Pair {
  Connection a, b;
};

Pair make_pair() {
  auto ends = make_socket_pair().take();
  return Pair{Connection(std::move(ends.first)), Connection(std::move(ends.second))};
}

TEST(Connection, CarriesFramesInOrder) {
  Pair p = make_pair();
  ASSERT_TRUE(p.a.send(Type::kStdin, "one").ok());
  ASSERT_TRUE(p.a.send(Type::kStdinEnd, "").ok());
  auto first = p.b.receive(1000).take();
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->type, Type::kStdin);
  EXPECT_EQ(first->body, "one");
  auto second = p.b.receive(1000).take();
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->type, Type::kStdinEnd);
}

TEST(Connection, GivesDescriptorsToTheFrameThatCarriesThem) {
  Pair p = make_pair();
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  const UniqueFd read_end(pipe_ends[0]);
  UniqueFd write_end(pipe_ends[1]);
  ASSERT_TRUE(p.a.send(Type::kAck, "none").ok());
  const int fds[] = {write_end.get()};
  ASSERT_TRUE(p.a.send(Type::kSessionStart, "one", fds).ok());
  EXPECT_TRUE(p.b.receive(1000).take()->fds.empty());
  auto message = p.b.receive(1000).take();
  ASSERT_EQ(message->fds.size(), 1U);
  write_end.reset();
  ASSERT_EQ(write(message->fds[0].get(), "x", 1), 1);
  char got = 0;
  ASSERT_EQ(read(read_end.get(), &got, 1), 1);
  EXPECT_EQ(got, 'x');
}

TEST(Connection, QueuesWhatTheSocketDoesNotTake) {
  Pair p = make_pair();
  const std::string big(size_t{1} << 20, 'b');
  ASSERT_TRUE(p.a.queue(Type::kStdout, big).ok());
  ASSERT_TRUE(p.a.wants_write());
  EXPECT_GT(p.a.queued_bytes(), 0U);
  std::optional<Message> got;
  while (!got.has_value()) {
    ASSERT_TRUE(p.b.fill().ok());
    got = p.b.next().take();
    ASSERT_TRUE(p.a.flush().ok());
  }
  EXPECT_EQ(got->body, big);
  EXPECT_EQ(p.a.queued_bytes(), 0U);
}

TEST(Connection, RefusesAFrameLargerThanTheBound) {
  Pair p = make_pair();
  EXPECT_EQ(p.a.send(Type::kStdout, std::string(kMaxBody + 1, 'x')).error().sys_errno, EMSGSIZE);
  const unsigned char header[8] = {0xFF, 0xFF, 0xFF, 0x7F, 1, 0, 0, 0};
  ASSERT_EQ(write(p.a.fd(), header, sizeof header), 8);
  EXPECT_EQ(p.b.receive(1000).error().sys_errno, EPROTO);
}

TEST(Connection, TellsAnOrderlyEndFromACutFrame) {
  Pair p = make_pair();
  p.a.close();
  EXPECT_FALSE(p.b.receive(1000).take().has_value());
  Pair q = make_pair();
  ASSERT_EQ(write(q.a.fd(), "\x05\0\0\0\x01", 5), 5);
  q.a.close();
  EXPECT_EQ(q.b.receive(1000).error().sys_errno, EPROTO);
}

TEST(Connection, SaysWhenAPeerIsGoneWithoutASignal) {
  Pair p = make_pair();
  p.b.close();
  EXPECT_EQ(p.a.send(Type::kStdout, "x").error().sys_errno, EPIPE);
}

TEST(Connection, TimesOutWithoutAFrame) {
  Pair p = make_pair();
  EXPECT_EQ(p.a.receive(1).error().sys_errno, ETIMEDOUT);
}

TEST(Messages, RefuseMalformedBodies) {
  Message bad;
  bad.type = Type::kSeal;
  bad.body = "\xFF\xFF\xFF\xFF\xFF";
  EXPECT_FALSE(parse_message<Seal>(bad).ok());
}

}  // namespace
}  // namespace carrel::protocol
