// The asking side against servers that do not keep to anything.

#include "launcher/inside/visit.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <thread>

#include "profiles/base/unique_fd.h"
#include "tests/support/folder.h"

namespace carrel::inside {
namespace {

class Visit : public testing::Test {
 protected:
  void SetUp() override {
    listener_.reset(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    ASSERT_LT(path().size(), sizeof address.sun_path);
    strcpy(address.sun_path, path().c_str());
    ASSERT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(listen(listener_.get(), 1), 0);
  }
  std::string path() const { return folder_ / "s"; }
  /// What ask() says to a server that does this with its one visitor.
  Result<Answer> against(const std::function<void(int)>& serve, int timeout_ms = 5000) {
    std::thread server([&] {
      const UniqueFd visitor(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      serve(visitor.get());
    });
    Result<Answer> answer = ask(path(), {Ask::kPath, "/a"}, timeout_ms);
    server.join();
    return answer;
  }
  static void reply(int fd, const std::string& packet) {
    char bytes[64];
    ASSERT_GT(recv(fd, bytes, sizeof bytes, 0), 0);
    ASSERT_EQ(send(fd, packet.data(), packet.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(packet.size()));
  }

  support::Folder folder_;
  UniqueFd listener_;
};

TEST_F(Visit, HearsTheAnswer) {
  std::string asked;
  const auto answer = against([&asked](int fd) {
    char bytes[64];
    const ssize_t got = recv(fd, bytes, sizeof bytes, 0);
    asked.assign(bytes, static_cast<size_t>(std::max<ssize_t>(got, 0)));
    const std::string packet = to_packet(Answer{2, "no\n"});
    (void)!send(fd, packet.data(), packet.size(), MSG_NOSIGNAL);
  });
  ASSERT_TRUE(answer.ok()) << to_string(answer.error());
  EXPECT_EQ(answer.value(), (Answer{2, "no\n"}));
  EXPECT_EQ(asked, to_packet(Question{Ask::kPath, "/a"}));
}

TEST_F(Visit, AServerThatIsNoneIsSaidToBe) {
  EXPECT_EQ(ask(folder_ / "none", {Ask::kStatus, ""}, 100).error().sys_errno, ENOENT);
  EXPECT_EQ(ask(std::string(200, 'x'), {Ask::kStatus, ""}, 100).error().sys_errno, ENAMETOOLONG);
  EXPECT_EQ(against([](int fd) { reply(fd, "garbage"); }).error().sys_errno, EPROTO);
  EXPECT_EQ(
      against([](int fd) { reply(fd, std::string(kMaxPacket + 100, 'x')); }).error().sys_errno,
      EPROTO);
  EXPECT_EQ(against([](int fd) {
              reply(fd, to_packet(Answer{2, "no\n"}).substr(0, 9));
            })
                .error()
                .sys_errno,
            EPROTO);
  const int gone = against([](int) {}).error().sys_errno;
  EXPECT_TRUE(gone == EPIPE || gone == ECONNRESET) << gone;
}

TEST_F(Visit, OneThatSaysNothingIsNotWaitedFor) {
  const auto answer = against(
      [](int fd) {
        char bytes[64];
        while (recv(fd, bytes, sizeof bytes, 0) > 0) {
        }
      },
      50);
  EXPECT_EQ(answer.error().sys_errno, ETIMEDOUT);
}

TEST_F(Visit, AFullQueueIsNotWaitedForEither) {
  std::vector<UniqueFd> waiting;
  int error = 0;
  while (error == 0 && waiting.size() < 64) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    strcpy(address.sun_path, path().c_str());
    waiting.emplace_back(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (connect(waiting.back().get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      error = errno;
  }
  ASSERT_EQ(error, EAGAIN);
  EXPECT_EQ(ask(path(), {Ask::kStatus, ""}, 50).error().sys_errno, EAGAIN);
}

}  // namespace
}  // namespace carrel::inside
