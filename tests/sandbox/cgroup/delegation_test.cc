// The kernel's side of handing controllers on, in a real group of the unified tree, with whichever
// controller the host has there. As root; who owns the files is the e2e tests' part.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <vector>

#include "launcher/box/kernel/cgroup_delegation.h"
#include "launcher/box/probe/cgroups.h"
#include "launcher/box/probe/files.h"
#include "tests/support/require.h"

namespace carrel::kernel {
namespace {

constexpr const char* kLeaf = "carrel-processes";

bool write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  return file.good();
}

/// A group at the root of the unified tree, with a controller to hand on.
class Delegation : public testing::Test {
 protected:
  void SetUp() override {
    const plan::CgroupFacts facts = probe::probe_cgroups("6.1", true, false);
    REQUIRE_FEATURE("cgroup2", !facts.unified.empty());
    std::istringstream there(probe::read_bounded(facts.unified + "/cgroup.controllers"));
    there >> controller_;
    REQUIRE_FEATURE("cgroup2-controllers", !controller_.empty());
    root_ = facts.unified;
    const std::string on = probe::read_bounded(root_ + "/cgroup.subtree_control");
    switched_on_ = !probe::has_word(on, controller_);
    if (switched_on_) {
      ASSERT_TRUE(write_file(root_ + "/cgroup.subtree_control", "+" + controller_));
    }
    group_ = root_ + "/carrel-test-delegation-" + std::to_string(getpid());
    ASSERT_EQ(mkdir(group_.c_str(), 0755), 0);
  }
  void TearDown() override {
    for (const pid_t pid : children_) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
    rmdir((group_ + "/user").c_str());
    rmdir((group_ + "/" + kLeaf).c_str());
    rmdir(group_.c_str());
    if (switched_on_) write_file(root_ + "/cgroup.subtree_control", "-" + controller_);
  }
  pid_t child_in(const std::string& group) {
    const pid_t pid = fork();
    if (pid == 0) {
      pause();
      _exit(0);
    }
    children_.push_back(pid);
    EXPECT_TRUE(write_file(group + "/cgroup.procs", std::to_string(pid)));
    return pid;
  }
  [[nodiscard]] bool holds(const std::string& group, pid_t pid) const {
    return probe::has_word(probe::read_bounded(group + "/cgroup.procs"), std::to_string(pid));
  }
  [[nodiscard]] std::string handed_on() const {
    return probe::read_bounded(group_ + "/cgroup.subtree_control");
  }

  std::string root_, group_, controller_;
  bool switched_on_ = false;
  std::vector<pid_t> children_;
};

TEST_F(Delegation, ProcessesAreMovedOutOfTheWayAndBack) {
  const pid_t one = child_in(group_), two = child_in(group_);
  // The control: the kernel refuses it while the group holds processes.
  EXPECT_FALSE(write_file(group_ + "/cgroup.subtree_control", "+" + controller_));
  const auto handed = hand_on(group_, kLeaf, controller_ + " nonesuch");
  ASSERT_TRUE(handed.ok()) << to_string(handed.error());
  EXPECT_EQ(handed.value().controllers, controller_);
  EXPECT_NE(handed.value().refused.find("nonesuch"), std::string::npos) << handed.value().refused;
  EXPECT_TRUE(probe::has_word(handed_on(), controller_));
  EXPECT_TRUE(holds(group_ + "/" + kLeaf, one) && holds(group_ + "/" + kLeaf, two));
  EXPECT_EQ(probe::read_bounded(group_ + "/cgroup.procs"), "");
  take_back(group_, kLeaf, controller_);
  EXPECT_EQ(handed_on(), "");
  EXPECT_TRUE(holds(group_, one) && holds(group_, two));
  EXPECT_NE(access((group_ + "/" + kLeaf).c_str(), F_OK), 0);
}

TEST_F(Delegation, WhatAnotherStillUsesIsNotTakenBack) {
  const pid_t pid = child_in(group_);
  ASSERT_TRUE(hand_on(group_, kLeaf, controller_).ok());
  ASSERT_EQ(mkdir((group_ + "/user").c_str(), 0755), 0);
  ASSERT_TRUE(write_file(group_ + "/user/cgroup.subtree_control", "+" + controller_));
  ASSERT_TRUE(hand_on(group_, kLeaf, controller_).ok());  // a second launcher finds it so
  take_back(group_, kLeaf, controller_);
  EXPECT_TRUE(probe::has_word(handed_on(), controller_));
  EXPECT_TRUE(holds(group_ + "/" + kLeaf, pid));
  ASSERT_EQ(rmdir((group_ + "/user").c_str()), 0);
  take_back(group_, kLeaf, controller_);
  EXPECT_TRUE(holds(group_, pid));
}

TEST_F(Delegation, WhatCannotBeHandedOnLeavesEverythingAsItWas) {
  const pid_t pid = child_in(group_);
  const auto handed = hand_on(group_, kLeaf, "nonesuch");
  ASSERT_FALSE(handed.ok());
  EXPECT_EQ(handed.error().sys_errno, ENOTSUP);
  EXPECT_TRUE(holds(group_, pid));
  EXPECT_NE(access((group_ + "/" + kLeaf).c_str(), F_OK), 0);
}

TEST_F(Delegation, OneAtATime) {
  UniqueFd lock = lock_group(group_).take();
  const pid_t waits = fork();
  if (waits == 0) {
    lock.reset();  // its copy; the lock is the parent's
    _exit(lock_group(group_).ok() ? 0 : 1);
  }
  usleep(200'000);
  EXPECT_EQ(waitpid(waits, nullptr, WNOHANG), 0);
  lock.reset();
  int status = -1;
  EXPECT_EQ(waitpid(waits, &status, 0), waits);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace carrel::kernel
