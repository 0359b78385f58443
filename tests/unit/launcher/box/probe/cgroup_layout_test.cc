#include "launcher/box/probe/cgroup_layout.h"

#include <gtest/gtest.h>

#include <string>

#include "launcher/box/probe/manager.h"

namespace carrel::probe {
namespace {

using plan::CgroupLayout;

constexpr const char* kHybridMounts =
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
    "39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids\n"
    "40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime shared:3 - cgroup cgroup rw,name=systemd\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

TEST(CgroupLayout, HybridHostHasFoldersInBothTrees) {
  const auto facts =
      parse_cgroups(kHybridMounts,
                    "8:pids:/\n4:memory:/api/e1\n2:cpu,cpuacct:/c\n1:name=systemd:/x\n0::/tools\n");
  EXPECT_EQ(facts.layout, CgroupLayout::kHybrid);
  EXPECT_EQ(facts.unified, "/sys/fs/cgroup/unified");
  EXPECT_EQ(facts.own, "/tools");
  EXPECT_EQ(facts.memory_v1, "/sys/fs/cgroup/memory/api/e1");
  EXPECT_EQ(facts.pids_v1, "/sys/fs/cgroup/pids");
  EXPECT_EQ(facts.cpu_v1, "/sys/fs/cgroup/cpu,cpuacct/c");
}

TEST(CgroupLayout, UnifiedHostHasNoV1Folders) {
  const auto facts = parse_cgroups(
      "29 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
      "0::/user.slice/session-1.scope\n");
  EXPECT_EQ(facts.layout, CgroupLayout::kV2);
  EXPECT_EQ(facts.unified, "/sys/fs/cgroup");
  EXPECT_EQ(facts.own, "/user.slice/session-1.scope");
  EXPECT_EQ(facts.memory_v1, "");
  EXPECT_EQ(facts.cpu_v1, "");
}

TEST(CgroupLayout, WithoutAUnifiedTreeThereIsNone) {
  EXPECT_EQ(
      parse_cgroups("35 31 0:32 / /c/memory rw - cgroup cgroup rw,memory\n", "4:memory:/\n").layout,
      CgroupLayout::kNone);
  EXPECT_EQ(parse_cgroups("", "").layout, CgroupLayout::kNone);
}

TEST(CgroupLayout, AContainersMountBeginsAtItsOwnGroup) {
  const auto facts = parse_cgroups(
      "35 31 0:32 /docker/ab /c/memory rw - cgroup cgroup rw,memory\n"
      "36 31 0:33 /docker/ab /c/unified rw - cgroup2 cgroup2 rw\n",
      "4:memory:/docker/ab/inner\n0::/docker/abc\n");
  EXPECT_EQ(facts.memory_v1, "/c/memory/inner");
  EXPECT_EQ(facts.own, "/");  // /docker/abc is not below /docker/ab
}

TEST(CgroupLayout, TheGroupOfProcessesStandsForTheOneAboveIt) {
  EXPECT_EQ(without_leaf("/user.slice/a.scope/carrel-processes"), "/user.slice/a.scope");
  EXPECT_EQ(without_leaf("/carrel-processes"), "/");
  EXPECT_EQ(without_leaf("/carrel-processes/x"), "/carrel-processes/x");
  EXPECT_EQ(without_leaf("/x-carrel-processes"), "/x-carrel-processes");
  EXPECT_EQ(without_leaf("/"), "/");
  EXPECT_EQ(without_leaf(""), "");
}

TEST(CgroupLayout, OnlyUnitsOfTheUsersOwnManagerAreAskedAbout) {
  EXPECT_EQ(unit_of_group("/user.slice/user-7.slice/user@7.service/app.slice/run-1.scope", 7),
            "run-1.scope");
  EXPECT_EQ(unit_of_group("/user.slice/user-7.slice/user@7.service/app.slice/a.service", 7),
            "a.service");
  EXPECT_EQ(unit_of_group("/user.slice/user-7.slice/user@7.service/app.slice/a.scope/below", 7),
            "");
  EXPECT_EQ(unit_of_group("/user.slice/user-8.slice/user@8.service/app.slice/a.scope", 7), "");
  EXPECT_EQ(unit_of_group("/user.slice/user-7.slice/session-3.scope", 7), "");
  EXPECT_EQ(unit_of_group("/user.slice/user-7.slice/user@7.service", 7), "");
  EXPECT_EQ(unit_of_group("", 7), "");
}

TEST(CgroupLayout, ReadsEscapedMountPointsAndControllersTogether) {
  const auto facts = parse_cgroups(
      "35 31 0:32 / /my\\040cgroups/cpu,memory rw - cgroup cgroup rw,cpu,memory\n"
      "36 31 0:33 / /u rw - cgroup2 none rw\n",
      "4:cpu,memory:/a\n0::/\n");
  EXPECT_EQ(facts.memory_v1, "/my cgroups/cpu,memory/a");
}

TEST(CgroupLayout, PassesOverLinesThatMakeNoSense) {
  const std::string odd =
      "\n - \n-\n1 2 3\n1 2 3 4 5 6 -\n1 2 3 4 5 6 - cgroup2\n1 2 3 4 5 6 - cgroup2 x\n"
      "a b c \\0 \\777 - - cgroup x y z\n";
  const auto facts = parse_cgroups(odd + kHybridMounts, ":\n::\n0\n4:memory\n:::::\n0::/\n");
  EXPECT_EQ(facts.unified, "/sys/fs/cgroup/unified");
  EXPECT_EQ(facts.own, "/");
}

// Untrusted bytes: every prefix of a good text is read without a crash.
TEST(CgroupLayout, EveryCutTextIsRead) {
  const std::string text = kHybridMounts;
  for (size_t size = 0; size <= text.size(); ++size) {
    EXPECT_LE(parse_cgroups(text.substr(0, size), text.substr(size)).unified.size(), text.size());
  }
}

}  // namespace
}  // namespace carrel::probe
