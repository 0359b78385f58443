#pragma once
// Landlock rules of a plan: which rights below which folders, cut to what the host's ABI knows.
// landlock(7).

#include <cstdint>
#include <string>
#include <vector>

#include "launcher/box/plan/plan.h"

namespace carrel::plan {

/// All LANDLOCK_ACCESS_FS_* bits of an ABI. 0 for ABIs below 2: without the right REFER a ruleset
/// forbids every rename between folders, so none is made.
uint64_t landlock_known_rights(int abi);

/// Everything below "/" may be read and run, and below `writable` also changed (no device nodes).
/// Mounts still decide which of it is read-only.
LandlockPlan make_landlock(int abi, const std::vector<SandboxPath>& writable, bool has_terminals);

/// "read-file,read-dir,execute", in the order of the bits.
std::string landlock_words(uint64_t rights);

}  // namespace carrel::plan
