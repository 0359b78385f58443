#pragma once
// The commands of a workspace under carrel-init: started, signalled, reaped.

#include <sys/types.h>

#include "launcher/box/pid1/told.h"

namespace carrel::pid1 {

/// For ever: orders come on the control socket, the ends of commands by the signalfd `signals`.
/// Ends the process, and by that the workspace, when the session has gone. `wanted` is room for one
/// request at a time; `main` the first command's process.
[[noreturn]] void supervise(const Plan& plan, Wanted* wanted, int signals, pid_t main);

}  // namespace carrel::pid1
