#pragma once
// The launcher's own folder of control groups, one a state folder, and what a launcher that died
// left in it.

#include <cstdint>
#include <string>

#include "launcher/box/kernel/cgroup.h"
#include "launcher/box/plan/host_facts.h"
#include "launcher/service/log.h"
#include "profiles/base/result.h"

namespace carrel::service {

struct CgroupHome {
  kernel::CgroupFolder folder;
  uint64_t id = 0;     // inode number of the unified folder, as BPF sees it
  uint32_t level = 0;  // its depth below the root of the tree
};

/// Makes it, named after the state folder so that a later launcher finds what an earlier one left:
/// groups of sessions in it are emptied (their supervisor is gone) and removed.
Result<CgroupHome> make_cgroup_home(const plan::CgroupFacts& facts, int state_fd, const Log& log);

/// Ends everything in the group `name` of the folder and removes it; one that is not there is fine.
Status clear_group(const kernel::CgroupFolder& folder, const std::string& name);
/// The same for every group whose name begins so.
Status clear_groups(const kernel::CgroupFolder& folder, const std::string& prefix);

}  // namespace carrel::service
