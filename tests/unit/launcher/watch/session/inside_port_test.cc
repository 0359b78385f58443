// The answering side against askers that do not keep to anything.

#include "launcher/watch/session/inside_port.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "launcher/watch/session/clock.h"
#include "tests/support/folder.h"

namespace carrel::session {
namespace {

constexpr uint64_t kNow = 1000 * kNsPerS;

class InsidePortTest : public testing::Test {
 protected:
  void SetUp() override { listen_for(getuid()); }
  void listen_for(uid_t uid) {
    unlink(path().c_str());
    UniqueFd listener(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address = here();
    ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(listen(listener.get(), 64), 0);
    port_.emplace(std::move(listener), uid, [this](const inside::Question& question) {
      ++answered_;
      return inside::Answer{2, question.subject + "\n"};
    });
  }
  std::string path() const { return folder_ / "s"; }
  sockaddr_un here() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    strcpy(address.sun_path, path().c_str());
    return address;
  }
  UniqueFd visitor(const std::string& packet = "") const {
    UniqueFd fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const sockaddr_un address = here();
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    if (!packet.empty()) {
      EXPECT_EQ(send(fd.get(), packet.data(), packet.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(packet.size()));
    }
    return fd;
  }
  /// What a visitor hears: an answer's text; "end" or "nothing".
  static std::string hear(const UniqueFd& fd) {
    std::string bytes(inside::kMaxPacket + 1, '\0');
    const ssize_t got = recv(fd.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got < 0) return errno == EAGAIN ? "nothing" : "end";
    if (got == 0) return "end";
    bytes.resize(static_cast<size_t>(got));
    const auto answer = inside::parse_answer(bytes);
    return answer.ok() ? answer.value().text : "no answer of ours";
  }

  support::Folder folder_;
  std::optional<InsidePort> port_;
  int answered_ = 0;
};

const std::string kAsk = inside::to_packet(inside::Question{inside::Ask::kPath, "/a"});

TEST_F(InsidePortTest, OneQuestionOneAnswerAndTheEnd) {
  const UniqueFd fd = visitor(kAsk);
  port_->serve(kNow);
  EXPECT_EQ(hear(fd), "/a\n");
  EXPECT_EQ(hear(fd), "end");
}

TEST_F(InsidePortTest, WhatIsNoQuestionIsToldSo) {
  for (const std::string& packet :
       {std::string("x"), kAsk.substr(0, 9), kAsk + kAsk, std::string(8192, '\0')}) {
    const UniqueFd fd = visitor(packet);
    port_->serve(kNow);
    EXPECT_EQ(hear(fd), "carrel: this question is not understood\n") << packet.size();
    EXPECT_EQ(hear(fd), "end");
  }
  const UniqueFd large = visitor(std::string(100'000, 'x'));
  port_->serve(kNow);
  EXPECT_EQ(hear(large), "end");
  EXPECT_EQ(answered_, 0);
}

TEST_F(InsidePortTest, WhoSaysNothingHoldsNothing) {
  std::vector<UniqueFd> silent;
  for (size_t i = 0; i < InsidePort::kMostAsking; ++i)
    silent.push_back(visitor());
  port_->serve(kNow);
  const UniqueFd fd = visitor(kAsk);
  port_->serve(kNow + InsidePort::kPatienceNs - 1);
  EXPECT_EQ(hear(fd), "nothing");
  EXPECT_EQ(hear(silent[0]), "nothing");
  EXPECT_EQ(port_->fds(kNow).size(), InsidePort::kMostAsking);  // and not the listener
  port_->serve(kNow + InsidePort::kPatienceNs);
  EXPECT_EQ(hear(silent[0]), "end");
  port_->serve(kNow + InsidePort::kPatienceNs);
  EXPECT_EQ(hear(fd), "/a\n");
}

TEST_F(InsidePortTest, SoManyASecondAndThenTheNext) {
  std::vector<UniqueFd> many;
  for (size_t i = 0; i < InsidePort::kMostASecond + 10; ++i) {
    many.push_back(visitor(kAsk));
    port_->serve(kNow);
  }
  EXPECT_EQ(answered_, static_cast<int>(InsidePort::kMostASecond));
  EXPECT_TRUE(port_->fds(kNow).empty());
  for (int i = 0; i < 3; ++i)
    port_->serve(kNow + kNsPerS);
  EXPECT_EQ(answered_, static_cast<int>(InsidePort::kMostASecond) + 10);
}

TEST_F(InsidePortTest, AnotherUserIsNotHeard) {
  listen_for(getuid() + 1);
  const UniqueFd fd = visitor(kAsk);
  port_->serve(kNow);
  EXPECT_EQ(hear(fd), "end");
  EXPECT_EQ(answered_, 0);
}

TEST_F(InsidePortTest, OneThatTakesNoAnswerIsNotWaitedFor) {
  UniqueFd fd = visitor(kAsk);
  const int little = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
  port_->serve(kNow);
  UniqueFd gone = visitor(kAsk);
  gone.reset();
  port_->serve(kNow);
  EXPECT_EQ(answered_, 2);
  EXPECT_EQ(port_->fds(kNow).size(), 1U);
}

TEST_F(InsidePortTest, ClosedNobodyIsHeard) {
  port_->close();
  EXPECT_TRUE(port_->fds(kNow).empty());
  port_->serve(kNow);
}

}  // namespace
}  // namespace carrel::session
