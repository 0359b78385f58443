#pragma once
// Where the control groups of this process are, from the texts of /proc/self/mountinfo and
// /proc/self/cgroup. Pure, so that layouts of other machines can be tested. proc(5), cgroups(7).

#include <string>
#include <string_view>

#include "launcher/box/plan/host_facts.h"

namespace carrel::probe {

/// Layout, mount points and own groups; nothing that needs a file opened (controllers, kill,
/// freeze). Lines that make no sense are passed over: both files are the kernel's, but a mount
/// point's name is anybody's.
plan::CgroupFacts parse_cgroups(std::string_view mountinfo, std::string_view cgroup);

/// The group that an ordinary user's launcher leaves to the processes of a group that hands on
/// controllers and so may hold none itself.
inline constexpr std::string_view kProcessesLeaf = "carrel-processes";
/// The group above it, of a process that sits there; any other as it is.
std::string without_leaf(const std::string& group);

}  // namespace carrel::probe
