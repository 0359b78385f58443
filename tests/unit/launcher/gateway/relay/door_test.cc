#include "launcher/gateway/relay/door.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

namespace carrel::gateway {
namespace {

/// No descriptor can be made while this lives.
struct NoneLeft {
  NoneLeft() {
    getrlimit(RLIMIT_NOFILE, &before);
    const int lowest = dup(STDIN_FILENO);
    close(lowest);
    const rlimit now{static_cast<rlim_t>(lowest), before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &now);
  }
  ~NoneLeft() { setrlimit(RLIMIT_NOFILE, &before); }
  NoneLeft(const NoneLeft&) = delete;
  NoneLeft& operator=(const NoneLeft&) = delete;
  rlimit before{};
};

class Doors : public testing::Test {
 protected:
  Doors() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(listener_.get(), name(), size_), 0);
    EXPECT_EQ(listen(listener_.get(), 16), 0);
    EXPECT_EQ(getsockname(listener_.get(), name(), &size_), 0);
  }
  UniqueFd client() {
    UniqueFd made(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(connect(made.get(), name(), size_), 0);
    return made;
  }
  sockaddr* name() { return reinterpret_cast<sockaddr*>(&address_); }
  Taken take() { return door_.take(listener_.get()); }
  bool nobody_waits() {
    const Taken taken = take();
    return !taken.socket.valid() && errno == EAGAIN;
  }

  UniqueFd listener_;
  sockaddr_in address_{};
  socklen_t size_ = sizeof address_;
  Door door_;
};

TEST_F(Doors, TakeWhoWaitsAndSayWhereFrom) {
  EXPECT_TRUE(nobody_waits());
  const UniqueFd waits = client();
  const Taken taken = take();
  ASSERT_TRUE(taken.socket.valid());
  EXPECT_TRUE(taken.fits);
  EXPECT_EQ(taken.client.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
  EXPECT_TRUE(nobody_waits());
}

TEST_F(Doors, TurnAwayWhoDoesNotFitAndTakeTheNextOnceThereIsRoom) {
  EXPECT_TRUE(nobody_waits());  // it keeps one from now on
  std::vector<UniqueFd> waiting;
  for (int i = 0; i < 3; ++i)
    waiting.push_back(client());
  {
    const NoneLeft none;
    for (int i = 0; i < 2; ++i) {
      const Taken taken = take();
      ASSERT_TRUE(taken.socket.valid());
      EXPECT_FALSE(taken.fits);
    }
    EXPECT_FALSE(take().fits);
    // The kernel says EMFILE also where nobody waits.
    EXPECT_TRUE(nobody_waits());
    EXPECT_TRUE(nobody_waits());
  }
  waiting.push_back(client());
  const Taken taken = take();
  ASSERT_TRUE(taken.socket.valid());
  EXPECT_TRUE(taken.fits);
}

TEST_F(Doors, SayWhyWhereNothingWasKept) {
  const UniqueFd waits = client();
  const NoneLeft none;
  const Taken taken = take();
  const int number = errno;
  EXPECT_FALSE(taken.socket.valid());
  EXPECT_EQ(number, EMFILE);
}

}  // namespace
}  // namespace carrel::gateway
