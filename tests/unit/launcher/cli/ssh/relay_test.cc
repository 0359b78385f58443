#include "launcher/cli/ssh/relay.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <future>
#include <string>
#include <thread>

#include "profiles/base/unique_fd.h"

namespace carrel::ssh_cli {
namespace {

struct Pipe {
  Pipe() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
  }
  UniqueFd read_end;
  UniqueFd write_end;
};

/// A relay at work, with what ssh has of it and what the session has.
struct Line {
  Line() {
    signal(SIGPIPE, SIG_IGN);
    int ends[2] = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    session.reset(ends[1]);
    came = std::async(std::launch::async, [this, stream = ends[0]] {
      const UniqueFd owned(stream);
      const auto result = relay(in.read_end.get(), out.write_end.get(), owned.get());
      out.write_end.reset();
      return result.ok() ? result.value() : UINT64_MAX;
    });
  }
  ~Line() {
    session.reset();
    in.write_end.reset();
  }
  Pipe in;   // ssh writes
  Pipe out;  // ssh reads
  UniqueFd session;
  std::future<uint64_t> came;
};

std::string read_all(int fd) {
  std::string all;
  std::array<char, 65536> buffer{};
  for (ssize_t got = 0; (got = read(fd, buffer.data(), buffer.size())) > 0;)
    all.append(buffer.data(), static_cast<size_t>(got));
  return all;
}

std::string read_some(int fd, size_t size) {
  std::string all(size, '\0');
  size_t have = 0;
  for (ssize_t got = 0; have < size && (got = read(fd, &all[have], size - have)) > 0;)
    have += static_cast<size_t>(got);
  all.resize(have);
  return all;
}

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = write(fd, bytes.data(), bytes.size());
    if (wrote <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(wrote));
  }
}

std::string many(size_t size) {
  std::string bytes(size, '\0');
  uint32_t state = 1;
  for (char& byte : bytes)
    byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

TEST(Relay, PassesBytesAndEachEnd) {
  Line line;
  write_all(line.in.write_end.get(), "question");
  EXPECT_EQ(read_some(line.session.get(), 8), "question");
  write_all(line.session.get(), "answer");
  EXPECT_EQ(read_some(line.out.read_end.get(), 6), "answer");
  line.in.write_end.reset();
  EXPECT_EQ(read_all(line.session.get()), "");  // it hears of the end, and may still speak
  write_all(line.session.get(), "last words");
  line.session.reset();
  EXPECT_EQ(read_all(line.out.read_end.get()), "last words");
  EXPECT_EQ(line.came.get(), 16U);
}

TEST(Relay, PassesMuchBothWaysAtOnce) {
  Line line;
  const std::string up = many(3'000'001);
  const std::string down = many(5'000'003);
  std::thread writer([&] {
    write_all(line.in.write_end.get(), up);
    line.in.write_end.reset();
  });
  std::thread session([&] {
    std::thread speaker([&] { write_all(line.session.get(), down); });
    EXPECT_EQ(read_all(line.session.get()), up);
    speaker.join();
    line.session.reset();
  });
  EXPECT_EQ(read_all(line.out.read_end.get()), down);
  writer.join();
  session.join();
  EXPECT_EQ(line.came.get(), down.size());
}

TEST(Relay, OfASessionThatSaysNothingIsZero) {
  Line line;
  line.session.reset();
  EXPECT_EQ(line.came.get(), 0U);
}

TEST(Relay, EndsWhenNobodyReads) {
  Line line;
  write_all(line.session.get(), "hello");
  EXPECT_EQ(read_some(line.out.read_end.get(), 5), "hello");
  line.out.read_end.reset();
  EXPECT_EQ(line.came.get(), 5U);
  EXPECT_EQ(read_all(line.session.get()), "");
}

TEST(Relay, HearsOutASessionThatReadsNoMore) {
  Line line;
  shutdown(line.session.get(), SHUT_RD);
  write_all(line.in.write_end.get(), many(100'000));
  line.in.write_end.reset();
  write_all(line.session.get(), "refused");
  line.session.reset();
  EXPECT_EQ(read_all(line.out.read_end.get()), "refused");
  EXPECT_EQ(line.came.get(), 7U);
}

TEST(Relay, LeavesFlagsOfOthersAlone) {
  Line line;
  line.session.reset();
  line.came.wait();
  EXPECT_EQ(fcntl(line.in.read_end.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(fcntl(line.out.read_end.get(), F_GETFL) & O_NONBLOCK, 0);
}

std::optional<std::string> refusal(const std::string& sent) {
  Pipe out;
  int ends[2] = {-1, -1};
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd ours(ends[0]);
  UniqueFd session(ends[1]);
  EXPECT_EQ(send(session.get(), sent.data(), sent.size(), 0), static_cast<ssize_t>(sent.size()));
  if (sent.empty()) session.reset();
  const auto why = take_refusal(out.write_end.get(), ours.get());
  // What is no refusal is the relay's to pass on.
  std::array<char, 100> left{};
  const ssize_t got = recv(ours.get(), left.data(), left.size(), MSG_DONTWAIT);
  if (!why.has_value() && !sent.empty()) {
    EXPECT_EQ(std::string(left.data(), static_cast<size_t>(got)), sent);
  }
  return why;
}

TEST(TakeRefusal, TellsTheSessionsLineFromAServers) {
  EXPECT_EQ(refusal("carrel: no room\r\n"), "no room");
  EXPECT_EQ(refusal("carrel: \x1b[2J\r\nmore"), "\\x1b[2J");
  EXPECT_EQ(refusal("SSH-2.0-OpenSSH_9.2\r\n"), std::nullopt);
  EXPECT_EQ(refusal("c"), std::nullopt);
  EXPECT_EQ(refusal(""), std::nullopt);
}

TEST(TakeRefusal, DoesNotOutliveItsReader) {
  Pipe out;
  int ends[2] = {-1, -1};
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd ours(ends[0]);
  const UniqueFd session(ends[1]);
  out.read_end.reset();
  EXPECT_EQ(take_refusal(out.write_end.get(), ours.get()), std::nullopt);
}

}  // namespace
}  // namespace carrel::ssh_cli
