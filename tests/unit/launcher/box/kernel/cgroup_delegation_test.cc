// With plain folders for groups: what is written where, and what becomes of a failure. That the
// kernel moves processes and hands on controllers takes a host with controllers in the unified
// tree.

#include "launcher/box/kernel/cgroup_delegation.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>

#include "tests/support/folder.h"

namespace carrel::kernel {
namespace {

class Delegation : public testing::Test {
 protected:
  Delegation() {
    mkdir(group().c_str(), 0755);
    write("cgroup.procs", "");
    write("cgroup.subtree_control", "");
  }
  [[nodiscard]] std::string group() const { return folder_.path() + "/group"; }
  void write(const std::string& file, const std::string& text) const {
    std::ofstream(group() + "/" + file) << text;
  }
  [[nodiscard]] std::string read(const std::string& file) const {
    std::ifstream text(group() + "/" + file, std::ios::binary);
    return {std::istreambuf_iterator<char>(text), {}};
  }
  support::Folder folder_;
};

TEST_F(Delegation, HandsOnWhatIsAskedForBelowAGroupThatStaysEmpty) {
  const auto handed = hand_on(group(), "leaf", "memory pids");
  ASSERT_TRUE(handed.ok());
  EXPECT_EQ(handed.value().controllers, "memory pids");
  EXPECT_EQ(handed.value().refused, "");
  EXPECT_TRUE(read("cgroup.subtree_control").starts_with("+pids"));  // the last, over the first
  struct stat what {};
  EXPECT_EQ(stat((group() + "/leaf").c_str(), &what), 0);
}

TEST_F(Delegation, NothingIsHandedOnWhereProcessesKeepComing) {
  write("cgroup.procs", "17\n4711\n");  // a plain file: they are still there after each move
  mkdir((group() + "/leaf").c_str(), 0755);
  write("leaf/cgroup.procs", "");
  const auto done = hand_on(group(), "leaf", "memory");
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().sys_errno, EBUSY);
  EXPECT_EQ(read("leaf/cgroup.procs"), "4711");
  EXPECT_EQ(read("cgroup.subtree_control"), "");
}

TEST_F(Delegation, AProcessOfAnotherPidNamespaceIsNotMoved) {
  write("cgroup.procs", "17\n0\n");
  mkdir((group() + "/leaf").c_str(), 0755);
  write("leaf/cgroup.procs", "");
  EXPECT_EQ(hand_on(group(), "leaf", "memory").error().sys_errno, EXDEV);
  EXPECT_EQ(read("leaf/cgroup.procs"), "17");
}

TEST_F(Delegation, AGroupThatHandsOnNothingIsAnError) {
  unlink((group() + "/cgroup.subtree_control").c_str());
  const auto done = hand_on(group(), "leaf", "cpu pids");
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().sys_errno, ENOTSUP);
  EXPECT_NE(done.error().what.find("cgroup.subtree_control"), std::string::npos)
      << done.error().what;
}

}  // namespace
}  // namespace carrel::kernel
