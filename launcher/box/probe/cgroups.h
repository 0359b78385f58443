#pragma once
// The control groups that this process may use.

#include <string>

#include "launcher/box/plan/host_facts.h"

namespace carrel::probe {

/// By looking alone: nothing is written. Of an ordinary user what was handed on to them: their own
/// group where they may make groups and it is not a service manager's to arrange
/// (cgroup-v2.rst, "Delegation"; systemd's CGROUP_DELEGATION.md: the attribute user.delegate).
plan::CgroupFacts probe_cgroups(const std::string& kernel_release, bool root);

}  // namespace carrel::probe
