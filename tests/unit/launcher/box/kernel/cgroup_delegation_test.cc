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
  ASSERT_TRUE(hand_on(group(), "leaf", "memory pids").ok());
  EXPECT_EQ(read("cgroup.subtree_control"), "+memory +pids");
  struct stat what {};
  EXPECT_EQ(stat((group() + "/leaf").c_str(), &what), 0);
}

TEST_F(Delegation, NothingIsHandedOnWhereProcessesKeepComing) {
  write("cgroup.procs", "17\n4711\n");  // a plain file: they are still there after each move
  mkdir((group() + "/leaf").c_str(), 0755);
  write("leaf/cgroup.procs", "");
  const Status done = hand_on(group(), "leaf", "memory");
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().sys_errno, EBUSY);
  EXPECT_EQ(read("leaf/cgroup.procs"), "4711");
  EXPECT_EQ(read("cgroup.subtree_control"), "-memory");
}

TEST_F(Delegation, AGroupThatDoesNotHandOnIsAsBefore) {
  unlink((group() + "/cgroup.subtree_control").c_str());
  EXPECT_EQ(hand_on(group(), "leaf", "cpu").error().sys_errno, ENOENT);
  mkdir((group() + "/leaf").c_str(), 0755);
  write("leaf/cgroup.procs", "");
  write("cgroup.subtree_control", "");
  unlink((group() + "/leaf/cgroup.procs").c_str());
  take_back(group(), "leaf", "cpu");  // a leaf whose processes cannot be told stays
  EXPECT_EQ(read("cgroup.subtree_control"), "-cpu");
  struct stat what {};
  EXPECT_EQ(stat((group() + "/leaf").c_str(), &what), 0);
}

}  // namespace
}  // namespace carrel::kernel
