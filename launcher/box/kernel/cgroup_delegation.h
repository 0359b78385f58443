#pragma once
// The controllers of an ordinary user's own control group, handed on to groups below it. A group of
// the unified tree that hands on controllers holds no processes (cgroups(7), "no internal
// processes"): they move into a group below, which other launchers of that user share.

#include <string>

#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::kernel {

/// Only one launcher at a time changes what a group hands on: held while this is (flock(2)).
Result<UniqueFd> lock_group(const std::string& path);

/// What became of it: the names that are handed on, and why others are not.
struct HandedOn {
  std::string controllers;
  std::string refused;
};

/// Hands on `controllers` ("memory", "pids", "cpu"; names by blanks) of the group at `path`, with
/// every process of it in `path`/`leaf` afterwards. An Error where nothing could be handed on; what
/// was done for it is undone then. EBUSY where processes come as fast as they are moved, EXDEV
/// where one is of another pid namespace.
Result<HandedOn> hand_on(const std::string& path, const std::string& leaf,
                         const std::string& controllers);

/// As it was before; nothing where another launcher's groups still use them. Best effort: the group
/// goes with its last process in any case.
void take_back(const std::string& path, const std::string& leaf, const std::string& controllers);

}  // namespace carrel::kernel
