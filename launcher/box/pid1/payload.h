#pragma once
// A process of the workspace on its way from carrel-init to the payload's program: ids, limits,
// descriptors, terminal, filter, in an order that keeps the means for the next step.

#include "launcher/box/pid1/told.h"

namespace carrel::pid1 {

/// The main command: everything up to the gate, and the program behind it.
[[noreturn]] void run_payload(Plan* plan);
/// A further command, as the session asked for it; its filter is the main command's.
[[noreturn]] void run_wanted(const Plan& plan, Wanted* wanted);

}  // namespace carrel::pid1
