#pragma once
// What every plan has in common, contractor's or internal. Used by plan.cc and slicer_plan.cc only.

#include "launcher/box/plan/plan.h"

namespace carrel::plan {

/// Uids, hostname, namespaces, limits, securebits and umask. Refuses a base that is no slot's.
/// An ordinary user has one uid and no slots: their base is 0.
Result<SandboxPlan> make_frame(const HostFacts& facts, const Limits& limits, uint32_t uid_base);

/// An ordinary user may not idmap a mount (mount_setattr(2) asks for CAP_SYS_ADMIN over the file
/// system's own user namespace), and need not: the files on disk are their own.
void without_idmaps(SandboxPlan& plan);

}  // namespace carrel::plan
