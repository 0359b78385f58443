#pragma once
// The control groups that this process may use.

#include <string>

#include "launcher/box/plan/host_facts.h"

namespace carrel::probe {

/// By looking alone: nothing is written. Of an ordinary user what was handed on to them: their own
/// group where they may make groups and it is not a service manager's to arrange (cgroup-v2.rst,
/// "Delegation"; systemd's CGROUP_DELEGATION.md): it says so (`delegated`, from
/// manager_delegates()), or the group has the attribute user.delegate, which the system's manager
/// sets, or it is the topmost one that they may write to.
plan::CgroupFacts probe_cgroups(const std::string& kernel_release, bool root, bool delegated);

/// Whether only a service manager can tell that it was handed on: the caller may make groups there,
/// and above it, too.
bool is_for_the_manager_to_say(const std::string& group);

}  // namespace carrel::probe
