// What the porter starts can be ended by whoever asked for it, though it is the porter's child.

#include "launcher/service/porter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <set>

#include "launcher/service/processes.h"

namespace carrel::service {
namespace {

constexpr int kPatienceMs = 10'000;

bool has_ended(const UniqueFd& process) {
  pollfd look{process.get(), POLLIN, 0};
  return poll(&look, 1, 0) == 1;
}

/// Ours; proc_pid_children(5).
std::set<pid_t> children() {
  std::ifstream list("/proc/self/task/" + std::to_string(gettid()) + "/children");
  return {std::istream_iterator<pid_t>(list), std::istream_iterator<pid_t>()};
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
  EXPECT_TRUE(end_process(one.value(), 0));
  EXPECT_TRUE(has_ended(one.value()));
  EXPECT_FALSE(has_ended(two.value()));
  EXPECT_TRUE(end_process(two.value(), 0));
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

TEST(Porter, NobodyKnowsWhatItHasStartedOnceItHasEnded) {
  UniqueFd asked;
  {
    const std::set<pid_t> others = children();
    const Porter porter = Porter::start().take();
    std::set<pid_t> fresh = children();
    for (const pid_t each : others)
      fresh.erase(each);
    ASSERT_EQ(fresh.size(), 1U);
    const pid_t pid = *fresh.begin();
    // It is stopped before it hears us, and killed.
    ASSERT_EQ(kill(pid, SIGSTOP), 0);
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, WUNTRACED), pid);
    const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
    asked = porter.start_program("/usr/bin/yes", null.get()).take();
    ASSERT_EQ(kill(pid, SIGKILL), 0);
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
  }
  const auto process = Porter::hear_process(asked, kPatienceMs);
  ASSERT_FALSE(process.ok());
  EXPECT_NE(process.error().sys_errno, ESRCH) << process.error().what;
}

TEST(Processes, OneThatTheKernelHoldsIsNotSaidToHaveEnded) {
  const pid_t pid = fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    while (true)
      pause();
  }
  // Stops on its way out until we let it go (PTRACE_O_TRACEEXIT in ptrace(2)), SIGKILL or not.
  ASSERT_EQ(ptrace(PTRACE_SEIZE, pid, nullptr, PTRACE_O_TRACEEXIT), 0);
  const UniqueFd process = process_fd(pid).take();
  EXPECT_FALSE(end_process(process, 0, 2000));
  ASSERT_EQ(ptrace(PTRACE_CONT, pid, nullptr, nullptr), 0);
  EXPECT_TRUE(end_process(process, 0));
}

}  // namespace
}  // namespace carrel::service
