#include "tests/sandbox/box/box.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <sstream>

#include "tests/support/require.h"

namespace carrel::sandbox {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> shell(const std::string& script) {
  return {"/bin/sh", "-c", script};
}

TEST(Box, RunsTheCommandWithoutAnyPrivilege) {
  Box box(
      shell("id -u; id -g; hostname; cat docs/text; grep -E '^(Cap|NoNew|Seccomp:|Groups)' "
            "/proc/self/status; exit 7"));
  const int status = box.run();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << status;
  const std::string text = box.output();
  EXPECT_THAT(text, HasSubstr("1000\n1000\ncarrel\nread me\n"));
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
    EXPECT_THAT(text, HasSubstr(std::string(set) + ":\t0000000000000000\n"));
  }
  EXPECT_THAT(text, HasSubstr("NoNewPrivs:\t1\n"));
  EXPECT_THAT(text, HasSubstr("Seccomp:\t2\n"));
}

/// As /proc/PID/status says it, from where the launcher stands.
std::string uid_line(uint32_t uid) {
  const std::string one = "\t" + std::to_string(uid);
  return "Uid:" + one + one + one + one + "\n";
}

// An ordinary user has one uid to give, which is 0 to the launcher in its own user namespace.
TEST(Box, PayloadAndInitAreOtherUidsOfTheHost) {
  Box box(shell("cat; :"));
  ASSERT_TRUE(box.start().ok());
  EXPECT_EQ(box.next().type, init::RecordType::kReady);
  const std::string init = "/proc/" + std::to_string(box.pid());
  EXPECT_THAT(file_text(init + "/status"), HasSubstr(uid_line(host().root ? 1879048200 : 0)));
  std::istringstream children(file_text(init + "/task/" + std::to_string(box.pid()) + "/children"));
  int payload = 0;
  ASSERT_TRUE(children >> payload);
  EXPECT_THAT(file_text("/proc/" + std::to_string(payload) + "/status"),
              HasSubstr(uid_line(host().root ? 1879048201 : 0)));
  const std::string map = host().root ? "999 1879048200          2" : "1000          0          1";
  EXPECT_THAT(file_text(init + "/uid_map"), HasSubstr(map));
  EXPECT_THAT(file_text(init + "/gid_map"), HasSubstr(map));
  EXPECT_EQ(file_text(init + "/setgroups"), "deny\n");
}

TEST(Box, SeesNothingOfTheHost) {
  Box box(
      shell("cat /proc/self/mountinfo; echo --; cat /proc/net/dev; echo --; ls /; ls /proc | "
            "grep -c '^[0-9]'"));
  box.run();
  const std::string text = box.output();
  EXPECT_THAT(text, Not(HasSubstr("shared:")));
  EXPECT_THAT(text, Not(HasSubstr(" - cgroup")));
  EXPECT_THAT(text, Not(HasSubstr(" - sysfs")));
  EXPECT_THAT(text, HasSubstr(" lo:"));
  EXPECT_THAT(text, Not(HasSubstr("eth")));
  EXPECT_THAT(text, Not(HasSubstr("\nroot\n")));
}

TEST(Box, HandsOnNoDescriptor) {
  Box box({"./probe", "fds"});
  box.run();
  EXPECT_EQ(box.output(), "0 1 2 ");
}

TEST(Box, WritesReachTheTreeAsTheOwnerOnDisk) {
  Box box(shell("echo new > made"));
  EXPECT_EQ(box.run(), 0);
  struct stat what {};
  ASSERT_EQ(fstatat(box.tree(), "made", &what, 0), 0);
  EXPECT_EQ(what.st_uid, disk_owner());
  EXPECT_EQ(what.st_gid, disk_owner());
}

TEST(Box, ShutGateMeansThatNothingRuns) {
  Box box(shell("echo ran > made"));
  ASSERT_TRUE(box.start().ok());
  ASSERT_EQ(box.next().type, init::RecordType::kReady);
  box.shut_gate();
  const init::Record record = box.next();
  EXPECT_EQ(record.type, init::RecordType::kExited);
  EXPECT_EQ(WEXITSTATUS(record.a), 125);
  EXPECT_EQ(faccessat(box.tree(), "made", F_OK, 0), -1);
}

TEST(Box, TellsWhyTheCommandCannotRun) {
  Box box({"/nothing/here"});
  ASSERT_TRUE(box.start().ok());
  ASSERT_EQ(box.next().type, init::RecordType::kReady);
  box.open_gate();
  const init::Record record = box.next();
  EXPECT_EQ(record.type, init::RecordType::kExecFailed);
  EXPECT_EQ(record.a, ENOENT);
  EXPECT_EQ(WEXITSTATUS(box.next().a), 127);
}

TEST(Box, ForwardsSignals) {
  Box box(shell("exec sleep 1000"));
  ASSERT_TRUE(box.start().ok());
  ASSERT_EQ(box.next().type, init::RecordType::kReady);
  box.open_gate();
  box.signal(SIGTERM);
  const init::Record record = box.next();
  EXPECT_TRUE(WIFSIGNALED(record.a) && WTERMSIG(record.a) == SIGTERM) << record.a;
}

TEST(Box, TerminalInterruptsTheForegroundJob) {
  Box box(shell("tty; exec sleep 1000"), plan::Terminal::kPty);
  ASSERT_TRUE(box.start().ok());
  ASSERT_EQ(box.next().type, init::RecordType::kPty);
  ASSERT_EQ(box.next().type, init::RecordType::kReady);
  box.open_gate();
  std::string text;
  std::array<char, 256> part{};
  while (text.find('\n') == std::string::npos) {
    const ssize_t got = read(box.terminal.get(), part.data(), part.size());
    ASSERT_GT(got, 0);
    text.append(part.data(), static_cast<size_t>(got));
  }
  EXPECT_THAT(text, HasSubstr("/dev/pts/0"));
  ASSERT_EQ(write(box.terminal.get(), "\x03", 1), 1);
  const init::Record record = box.next();
  EXPECT_TRUE(WIFSIGNALED(record.a) && WTERMSIG(record.a) == SIGINT) << record.a;
}

// Root's are counted by the control group, an ordinary user's by the kernel's limit of an uid in
// the workspace's user namespace: what that user runs outside does not count.
TEST(Box, ForksStopAtTheCeilingAndAllEnd) {
  Box box({"./probe", "forks"});
  if (host().root) {
    box.plan.ceilings.processes = 32;
  } else {
    for (plan::Rlimit& limit : box.plan.rlimits) {
      if (limit.resource == RLIMIT_NPROC) limit.soft = limit.hard = 32;
    }
  }
  EXPECT_EQ(box.run(), 0);
  EXPECT_EQ(box.output(), "EAGAIN 30\n");  // init and the first process are the other two
}

TEST(Box, MemoryHogIsKilledAtTheCeiling) {
  REQUIRE_GUARANTEE("limits", host().root, "without a control group memory has no ceiling");
  Box box({"./probe", "memory"});
  box.plan.ceilings.memory_bytes = uint64_t{64} << 20;
  const int status = box.run();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
}

TEST(Box, WhatHidesFromItsShellEndsWithTheWorkspace) {
  Box box(
      shell("trap '' TERM HUP; for i in 1 2 3; do setsid nohup sleep 1000 >/dev/null 2>&1 & done"));
  EXPECT_EQ(box.run(), 0);
  box.end();  // proves that nobody is left
}

TEST(Box, FailedStepNamesItselfAndLeavesNothing) {
  Box box(shell("echo ran > made"));
  const std::string mounts = file_text("/proc/self/mountinfo");
  box.plan.mounts.back().target = SandboxPath::parse("/workspaces/engine/missing").take();
  const Status started = box.start();
  ASSERT_FALSE(started.ok());
  EXPECT_THAT(started.error().what, HasSubstr("/workspaces/engine/missing"));
  EXPECT_EQ(started.error().sys_errno, ENOENT);
  EXPECT_EQ(faccessat(box.tree(), "made", F_OK, 0), -1);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a child is left";
  EXPECT_EQ(file_text("/proc/self/mountinfo"), mounts);
}

}  // namespace
}  // namespace carrel::sandbox
