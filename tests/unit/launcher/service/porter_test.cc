// What the porter starts can be ended by whoever asked for it, though it is the porter's child.

#include "launcher/service/porter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include "launcher/service/processes.h"

namespace carrel::service {
namespace {

constexpr int kPatienceMs = 10'000;

bool has_ended(const UniqueFd& process) {
  pollfd look{process.get(), POLLIN, 0};
  return poll(&look, 1, 0) == 1;
}

TEST(Porter, SaysWhichProcessItHasStarted) {
  const Porter porter = Porter::start().take();
  const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  // Two at once: each answer comes to who asked.
  const UniqueFd first = porter.start_program("/usr/bin/yes", null.get()).take();
  const UniqueFd second = porter.start_program("/usr/bin/yes", null.get()).take();
  auto two = Porter::hear_process(second, kPatienceMs);
  auto one = Porter::hear_process(first, kPatienceMs);
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_FALSE(has_ended(one.value()));
  EXPECT_FALSE(end_process(one.value(), 0));  // it did not end by itself
  EXPECT_TRUE(has_ended(one.value()));
  EXPECT_FALSE(has_ended(two.value()));
  EXPECT_FALSE(end_process(two.value(), 0));
}

TEST(Porter, AProgramThatIsNotThereEndsAtOnce) {
  const Porter porter = Porter::start().take();
  const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  const UniqueFd asked = porter.start_program("/nowhere", null.get()).take();
  const auto process = Porter::hear_process(asked, kPatienceMs);
  if (process.ok()) {
    EXPECT_TRUE(end_process(process.value(), kPatienceMs));
  } else {
    EXPECT_EQ(process.error().sys_errno, ESRCH);
  }
}

}  // namespace
}  // namespace carrel::service
