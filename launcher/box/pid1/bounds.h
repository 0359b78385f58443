#pragma once
// What bounds carrel-init and every command of the workspace alike, and cannot be taken back.
// capabilities(7), landlock(7). A failure ends the process and is told.

#include <cstdint>

#include "launcher/box/pid1/told.h"

namespace carrel::pid1 {

/// Keeps only the capabilities of `keep`: all sets, ambient emptied.
bool limit_capabilities(uint64_t keep);
bool drop_bounding_set();
/// Enters the plan's Landlock domain; no_new_privs is set.
void restrict_paths(const Plan& plan);

}  // namespace carrel::pid1
