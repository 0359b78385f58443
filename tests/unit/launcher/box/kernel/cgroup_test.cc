#include "launcher/box/kernel/cgroup.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>

#include "tests/support/folder.h"

namespace carrel::kernel {
namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Groups as plain folders whose control files are there already: what is written to which file, on
/// hosts that this one is not. That the kernel keeps to it is the sandbox tests' part.
class Cgroups : public testing::Test {
 protected:
  std::string make(const std::string& tree, const std::vector<std::string>& files) {
    const std::string group = folder_.path() + "/" + tree;
    for (const std::string& each : {group, group + "/home", group + "/home/session"})
      mkdir(each.c_str(), 0755);
    for (const std::string& file : files)
      std::ofstream(group + "/home/session/" + file).flush();
    std::ofstream(group + "/home/cgroup.subtree_control").flush();
    return group;
  }
  CgroupRoots v2(const std::vector<std::string>& files) {
    CgroupRoots roots{make("unified", files), "", "", true, true};
    roots.cpu_v2 = true;
    return roots;
  }
  CgroupRoots v1(const std::vector<std::string>& memory) {
    CgroupRoots roots{make("unified", {}), make("memory", memory), make("pids", {"pids.max"})};
    roots.cpu_v1 = make("cpu", {"cpu.cfs_period_us", "cpu.cfs_quota_us"});
    return roots;
  }
  Status create(const CgroupRoots& roots, const CgroupCeilings& ceilings) {
    auto home = CgroupFolder::create(roots, "home");
    if (!home.ok()) return home.error();
    auto leaf = CgroupLeaf::create(home.value(), "session", ceilings);
    return leaf.ok() ? Status(Done{}) : Status(leaf.error());
  }
  std::string written(const std::string& file) const {
    return text_of(folder_.path() + "/" + file);
  }

  support::Folder folder_;
};

constexpr CgroupCeilings kAll{uint64_t{64} << 20, 33, 1500};

TEST_F(Cgroups, TheUnifiedTreeHasAllCeilingsAndNoSwap) {
  CgroupRoots roots = v2({"memory.max", "memory.swap.max", "pids.max", "cpu.max"});
  roots.swap_counted = true;
  ASSERT_TRUE(create(roots, kAll).ok());
  EXPECT_EQ(written("unified/home/session/memory.max"), "67108864");
  EXPECT_EQ(written("unified/home/session/memory.swap.max"), "0");
  EXPECT_EQ(written("unified/home/session/pids.max"), "33");
  EXPECT_EQ(written("unified/home/session/cpu.max"), "150000 100000");
}

TEST_F(Cgroups, TheV1TreesHaveAllCeilingsAndSwapWithinMemorys) {
  CgroupRoots roots = v1({"memory.limit_in_bytes", "memory.memsw.limit_in_bytes"});
  roots.swap_counted = true;
  ASSERT_TRUE(create(roots, kAll).ok());
  EXPECT_EQ(written("memory/home/session/memory.limit_in_bytes"), "67108864");
  EXPECT_EQ(written("memory/home/session/memory.memsw.limit_in_bytes"), "67108864");
  EXPECT_EQ(written("pids/home/session/pids.max"), "33");
  EXPECT_EQ(written("cpu/home/session/cpu.cfs_period_us"), "100000");
  EXPECT_EQ(written("cpu/home/session/cpu.cfs_quota_us"), "150000");
}

TEST_F(Cgroups, AHostThatDoesNotCountSwapIsNotAskedTo) {
  EXPECT_TRUE(create(v1({"memory.limit_in_bytes"}), kAll).ok());
  EXPECT_TRUE(create(v2({"memory.max", "pids.max", "cpu.max"}), kAll).ok());
}

TEST_F(Cgroups, ACeilingThatCannotBeSetIsAFailure) {
  CgroupRoots roots = v1({"memory.limit_in_bytes"});
  roots.swap_counted = true;  // it said so, and does not
  Status made = create(roots, kAll);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().sys_errno, ENOENT);
  roots = v1({"memory.limit_in_bytes"});
  roots.cpu_v1.clear();
  made = create(roots, kAll);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().sys_errno, ENOTSUP);
  roots = v1({"memory.limit_in_bytes"});
  roots.memory_v1.clear();
  EXPECT_EQ(create(roots, kAll).error().sys_errno, ENOTSUP);
  EXPECT_EQ(create(roots, {0, 33, 0}).ok(), true);
}

/// As on a Debian 12 where no unit of systemd's limits its processor time.
TEST_F(Cgroups, TheGroupAboveIsMadeToHandOnWhatItDoesNotYet) {
  const CgroupRoots roots = v2({"memory.max", "pids.max", "cpu.max"});
  const std::string above = roots.unified + "/cgroup.subtree_control";
  std::ofstream(above) << "memory pids\n";
  ASSERT_TRUE(create(roots, kAll).ok());
  EXPECT_TRUE(text_of(above).starts_with("+cpu"));  // a plain file: written over the rest
  std::ofstream(above) << "cpu memory pids\n";
  ASSERT_TRUE(create(roots, kAll).ok());
  EXPECT_EQ(text_of(above), "cpu memory pids\n");
}

TEST_F(Cgroups, AGroupWhoseCeilingCannotBeSetIsNotLeft) {
  CgroupRoots roots = v2({});
  ASSERT_EQ(rmdir((roots.unified + "/home/session").c_str()), 0);
  EXPECT_FALSE(create(roots, kAll).ok());
  struct stat what {};
  EXPECT_NE(stat((roots.unified + "/home/session").c_str(), &what), 0);
  EXPECT_EQ(errno, ENOENT);
}

TEST_F(Cgroups, FilesOfWhatIsCountedAreOpenedAndNoOthers) {
  const CgroupRoots roots = v2({"memory.max", "memory.events", "memory.current", "pids.max"});
  auto home = CgroupFolder::create(roots, "home");
  ASSERT_TRUE(home.ok());
  auto leaf = CgroupLeaf::create(home.value(), "session", {1 << 20, 0, 0});
  ASSERT_TRUE(leaf.ok());
  const auto files = leaf.value().open_limit_files();
  ASSERT_TRUE(files.ok());
  EXPECT_TRUE(files.value().memory.valid() && files.value().memory_used.valid());
  EXPECT_FALSE(files.value().processes.valid() || files.value().processes_used.valid());
  EXPECT_FALSE(files.value().cpu.valid());
  auto other = CgroupLeaf::create(home.value(), "session", {0, 5, 0});
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(other.value().open_limit_files().error().sys_errno, ENOENT);  // pids.events is missing
}

}  // namespace
}  // namespace carrel::kernel
