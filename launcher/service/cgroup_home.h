#pragma once
// The launcher's own folder of control groups, one a state folder, and what a launcher that died
// left in it.

#include <cstdint>
#include <optional>
#include <string>

#include "launcher/box/kernel/cgroup.h"
#include "launcher/box/plan/host_facts.h"
#include "launcher/service/log.h"
#include "profiles/base/result.h"

namespace carrel::service {

struct CgroupHome {
  kernel::CgroupFolder folder;
  std::string handed_on;  // of an ordinary user: the group whose controllers serve it, "" for none
  std::string controllers;
  std::string refused;  // why not more of them
  uint64_t id = 0;      // inode number of the unified folder, as BPF sees it
  uint32_t level = 0;   // its depth below the root of the tree
};

/// Makes it, named after the state folder so that a later launcher finds what an earlier one left:
/// groups of sessions in it are emptied (their supervisor is gone) and removed. That one may have
/// run in other groups: where its folders are stands in `run_fd`/groups, which is read first and
/// written anew.
/// A service's is in its unit, where systemd handed that on (facts.delegated).
Result<CgroupHome> make_cgroup_home(const plan::CgroupFacts& facts, int state_fd, int run_fd,
                                    const Log& log);

/// The same of an ordinary user, in the group that was handed on to them (facts.delegated); without
/// the controllers of the unified tree where they cannot be had, and none at all where that fails,
/// too: `facts` say so then, and why.
std::optional<CgroupHome> make_delegated_home(plan::CgroupFacts& facts, int state_fd, int run_fd,
                                              const Log& log);

/// Removes it and takes back what it was handed. Best effort: a busy group stays.
void remove_home(CgroupHome& home, int run_fd);

/// Ends everything in the group `name` of the folder and removes it; one that is not there is fine.
Status clear_group(const kernel::CgroupFolder& folder, const std::string& name);
/// The same for every group whose name begins so.
Status clear_groups(const kernel::CgroupFolder& folder, const std::string& prefix);

}  // namespace carrel::service
