#pragma once
// What every plan has in common, contractor's or internal. Used by plan.cc and slicer_plan.cc only.

#include "launcher/box/plan/plan.h"

namespace carrel::plan {

/// Uids, hostname, namespaces, limits, securebits and umask. Refuses a base that is no slot's.
Result<SandboxPlan> make_frame(const HostFacts& facts, uint32_t uid_base);

}  // namespace carrel::plan
