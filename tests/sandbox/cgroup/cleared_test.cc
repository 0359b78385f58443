// What a killed launcher left in its folder of control groups is found in whichever tree it lies.

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "launcher/box/probe/cgroups.h"
#include "launcher/service/cgroup_home.h"
#include "tests/support/require.h"

namespace carrel::service {
namespace {

bool is_there(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
}

TEST(ClearGroups, FindsAGroupThatIsLeftInAnOldTreeAlone) {
  const plan::CgroupFacts facts = probe::probe_cgroups("6.1", true, false);
  REQUIRE_FEATURE("cgroup2", !facts.unified.empty());
  REQUIRE_FEATURE("cgroup1-memory", !facts.memory_v1.empty());
  kernel::CgroupRoots roots{facts.unified, facts.memory_v1, facts.pids_v1};
  roots.cpu_v1 = facts.cpu_v1;
  Result<kernel::CgroupFolder> made =
      kernel::CgroupFolder::create(roots, "carrel-test-cleared-" + std::to_string(getpid()));
  ASSERT_TRUE(made.ok()) << to_string(made.error());
  kernel::CgroupFolder folder = made.take();
  ASSERT_TRUE(kernel::CgroupLeaf::create(folder, "left-1", {}).ok());
  const std::string unified = folder.folders().unified + "/left-1";
  const std::string old = folder.folders().memory_v1 + "/left-1";
  ASSERT_EQ(mkdir(old.c_str(), 0755) == 0 || errno == EEXIST, true);
  ASSERT_EQ(mkdir((folder.folders().memory_v1 + "/other").c_str(), 0755), 0);
  ASSERT_TRUE(is_there(unified));
  ASSERT_EQ(rmdir(unified.c_str()), 0);

  EXPECT_TRUE(clear_groups(folder, "left-").ok());

  EXPECT_FALSE(is_there(old));
  EXPECT_FALSE(is_there(unified));
  EXPECT_TRUE(is_there(folder.folders().memory_v1 + "/other"));
  rmdir((folder.folders().memory_v1 + "/other").c_str());
  folder.remove();
  EXPECT_FALSE(is_there(folder.folders().memory_v1));
}

}  // namespace
}  // namespace carrel::service
