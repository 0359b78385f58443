#include "launcher/box/plan/frame.h"

#include <sched.h>
#include <sys/resource.h>

namespace carrel::plan {
namespace {

// The bits of linux/securebits.h: no power for uid 0, none kept or won by changing uid, no ambient
// raise; each with its lock.
constexpr uint64_t kSecurebits = 0x01 | 0x02 | 0x04 | 0x08 | 0x20 | 0x40 | 0x80;

constexpr uint32_t kFirstSlot = kBlockBase + 8;
constexpr uint32_t kSlotSize = 8;
constexpr uint32_t kBlockEnd = 0x7FFFFFF0;

/// The group counts the contractor's processes exactly and says so; the kernel's count by uid,
/// which refuses without a word, is there for hosts whose group cannot.
std::vector<Rlimit> rlimits(const Limits& limits, const Ceilings& ceilings) {
  const uint64_t processes = ceilings.processes != 0 ? limits.processes * 2 : limits.processes;
  return {
      {RLIMIT_CORE, 0, 0},
      {RLIMIT_MEMLOCK, uint64_t{8} << 20, uint64_t{8} << 20},
      {RLIMIT_MSGQUEUE, 819200, 819200},
      {RLIMIT_NICE, 0, 0},
      {RLIMIT_NOFILE, limits.open_files, limits.open_files},
      {RLIMIT_NPROC, processes, processes},
      {RLIMIT_RTPRIO, 0, 0},
      {RLIMIT_STACK, uint64_t{8} << 20, RLIM_INFINITY},
  };
}

bool is_slot(uint32_t uid_base) {
  return uid_base >= kFirstSlot && uid_base <= kBlockEnd &&
         (uid_base - kFirstSlot) % kSlotSize == 0;
}

}  // namespace

UidPlan uid_plan(const HostFacts& facts, uint32_t uid_base) {
  return facts.root ? UidPlan{uid_base, false} : UidPlan{0, true};
}

Result<SandboxPlan> make_frame(const HostFacts& facts, const Limits& limits, uint32_t uid_base) {
  if (facts.root ? !is_slot(uid_base) : uid_base != 0) {
    return Error{"uid " + std::to_string(uid_base) + " is not the first of a session's slot"};
  }
  SandboxPlan plan;
  plan.uids = uid_plan(facts, uid_base);
  plan.hostname = "carrel";
  plan.namespaces =
      CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
  if (has_groups(facts)) plan.ceilings = ceilings_of(facts.cgroup, limits);
  plan.rlimits = rlimits(limits, plan.ceilings);
  plan.securebits = kSecurebits;
  plan.umask = 022;
  return plan;
}

void without_idmaps(SandboxPlan& plan) {
  for (MountStep& step : plan.mounts)
    step.idmapped = false;
}

}  // namespace carrel::plan
