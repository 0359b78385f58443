#include "launcher/box/plan/guarantee.h"

#include "launcher/box/plan/limits.h"

namespace carrel::plan {
namespace {

Guarantee given(GuaranteeId id, std::string why) {
  return {id, true, true, std::move(why), ""};
}

Guarantee missing(GuaranteeId id, std::string why, std::string mends) {
  return {id, false, true, std::move(why), std::move(mends)};
}

constexpr const char* kAsRoot = "run carrel as root";
constexpr const char* kDelegated =
    "start it by systemd-run --user --scope -p Delegate=yes, which hands on a control group, or "
    "run "
    "carrel as root";
constexpr const char* kImagesNeed =
    "install e2fsprogs, and boot a kernel with CONFIG_BLK_DEV_LOOP, CONFIG_FS_ENCRYPTION and "
    "CONFIG_OVERLAY_FS";
constexpr const char* kNewerForNotify =
    "boot Linux 5.19 or later with CONFIG_SECCOMP_FILTER, and set kernel.yama.ptrace_scope below 3";

Guarantee events_complete(const HostFacts& facts) {
  constexpr GuaranteeId kId = GuaranteeId::kEventsComplete;
  switch (facts.sensor.back_end) {
    case SensorBackEnd::kVfs:
      return given(kId, "back end vfs: the kernel reports what it did; losses are counted exactly");
    case SensorBackEnd::kSyscall:
      return given(
          kId, "back end syscall: every call is seen as it returns; losses are counted exactly" +
                   (facts.sensor.no_flows.empty()
                        ? std::string()
                        : "; connections through the gateway are of an unknown process: " +
                              facts.sensor.no_flows));
    case SensorBackEnd::kNotify:
      return missing(kId,
                     "back end notify: opens, executions, changes of names and connects are "
                     "recorded as attempted, exits, closes and failed stats are not seen",
                     kAsRoot);
    case SensorBackEnd::kNone:
      break;
  }
  const std::string why =
      facts.sensor.reason.empty() ? "no back end was tried" : facts.sensor.reason;
  if (!facts.root) return missing(kId, why, kNewerForNotify);
  return missing(
      kId, why,
      "boot a kernel with CONFIG_BPF_SYSCALL, CONFIG_BPF_EVENTS and CONFIG_DEBUG_INFO_BTF");
}

Guarantee names_exact(const HostFacts& facts) {
  constexpr GuaranteeId kId = GuaranteeId::kNamesExact;
  if (facts.sensor.back_end == SensorBackEnd::kVfs) {
    return given(kId, "back end vfs: paths are those the kernel resolved");
  }
  if (facts.sensor.back_end == SensorBackEnd::kSyscall) {
    std::string why =
        "back end syscall: names of failed and changing calls are as the program gave them";
    if (!facts.sensor.reason.empty()) why += " (vfs: " + facts.sensor.reason + ")";
    return missing(kId, why, "the vfs back end, which is not built yet");
  }
  if (facts.sensor.back_end == SensorBackEnd::kNotify) {
    return missing(
        kId, "back end notify: names are read before the call, which may then see others", kAsRoot);
  }
  return missing(kId, "no sensor back end", facts.root ? "see events-complete" : kAsRoot);
}

Guarantee io_uring_refused(const HostFacts& facts) {
  constexpr GuaranteeId kId = GuaranteeId::kIoUringRefused;
  if (facts.machine != "x86_64") {
    return missing(kId, "the table of system calls is for x86_64, this is " + facts.machine,
                   "use an x86_64 host");
  }
  if (facts.seccomp_filter && facts.seccomp_errno && facts.seccomp_kill_process) {
    return given(kId,
                 "seccomp answers ENOSYS to io_uring_setup, io_uring_enter and io_uring_register");
  }
  return missing(kId, "the kernel has no seccomp filters that answer errno and kill",
                 "boot a kernel with CONFIG_SECCOMP_FILTER (Linux 4.14 or later)");
}

/// Of the disk of a contractor's workspace. An internal one has none.
Guarantee disk_limits(const StorageFacts& storage, const Limits& limits) {
  constexpr GuaranteeId kId = GuaranteeId::kLimits;
  if (storage.kind == StorageKind::kFolder) {
    return missing(kId, "the workspace is a plain folder, which holds as much as the host's disk",
                   kImagesNeed);
  }
  if (!storage.reason.empty()) {
    return missing(kId, storage.reason,
                   "end the task once its work is handed in: a new one gets a disk of the size "
                   "that its profile says");
  }
  return given(kId, limits_text(limits) + ", " + amount_text("disk", limits.disk_bytes) + " and " +
                        amount_text("inodes", limits.inodes) + " files on the disk");
}

/// What control groups do not keep, in words, and what mends it; "" when they keep all.
struct NotKept {
  std::string why, mends;
};

NotKept not_kept(const CgroupFacts& cgroup, const Limits& limits, const char* unit) {
  const bool memory = cgroup.memory_v2 || !cgroup.memory_v1.empty();
  const bool pids = cgroup.pids_v2 || !cgroup.pids_v1.empty();
  const bool cpu = limits.cpu_milli == 0 || cgroup.cpu_v2 || !cgroup.cpu_v1.empty();
  std::string lacking = memory ? "" : "memory";
  if (!pids) lacking += lacking.empty() ? "pids" : " and pids";
  if (!cpu) lacking += lacking.empty() ? "cpu" : " and cpu";
  NotKept all;
  if (!lacking.empty()) {
    all.why = "no control group controller for " + lacking;
    all.mends =
        cgroup.delegated
            ? std::string("let the host's admin hand it on: Delegate=memory pids cpu for ") + unit
            : "boot with cgroup_enable=memory, or switch the controllers on in the root's "
              "cgroup.subtree_control";
  }
  if (memory && cgroup.swap && !cgroup.swap_counted) {
    all.why += (all.why.empty() ? "" : ", and ") +
               std::string("memory that is swapped out is not counted");
    all.mends += (all.mends.empty() ? "" : "; ") +
                 std::string("boot with swapaccount=1, or switch swap off");
  }
  return all;
}

/// Never whole: their disk is a plain folder.
Guarantee limits_of_ordinary_user(const CgroupFacts& cgroup, const Limits& limits) {
  constexpr GuaranteeId kId = GuaranteeId::kLimits;
  const std::string disk = "a plain folder holds as much as the host's disk";
  const std::string why = cgroup.reason.empty() ? "" : " (" + cgroup.reason + ")";
  if (!cgroup.delegated) {
    return missing(kId,
                   "without a control group" + why +
                       " memory has no ceiling and processor time neither, and " + disk + "; " +
                       amount_text("processes", limits.processes) + " processes and " +
                       amount_text("open_files", limits.open_files) +
                       " open files a process are kept by rlimits",
                   kDelegated);
  }
  const NotKept lacking = not_kept(cgroup, limits, "user@.service");
  if (!lacking.why.empty()) return missing(kId, lacking.why + why + ", and " + disk, lacking.mends);
  return missing(kId,
                 disk + "; a control group that was handed on to you keeps " + limits_text(limits),
                 kAsRoot);
}

Guarantee limits(const HostFacts& facts, const model::Profile* profile) {
  constexpr GuaranteeId kId = GuaranteeId::kLimits;
  const Limits limits = profile == nullptr ? default_limits() : profile->limits;
  if (!facts.root) return limits_of_ordinary_user(facts.cgroup, limits);
  const NotKept lacking = not_kept(facts.cgroup, limits, "carrel.service");
  if (!lacking.why.empty()) return missing(kId, lacking.why, lacking.mends);
  return profile == nullptr ? given(kId, limits_text(limits)) : disk_limits(facts.storage, limits);
}

Guarantee disk_encrypted(const HostFacts& facts) {
  constexpr GuaranteeId kId = GuaranteeId::kDiskEncrypted;
  if (facts.storage.kind == StorageKind::kImage) {
    return given(
        kId,
        "contents and names are encrypted with a key of this workspace alone; sizes, times "
        "and extended attributes are not");
  }
  const std::string why = "the workspace is a plain folder of the host";
  if (!facts.root) return missing(kId, why + ": an ordinary user may not mount images", kAsRoot);
  return missing(kId, why + (facts.storage.reason.empty() ? "" : ": " + facts.storage.reason),
                 kImagesNeed);
}

Guarantee recorder_separate(const HostFacts& facts) {
  constexpr GuaranteeId kId = GuaranteeId::kRecorderSeparate;
  if (facts.root) {
    return given(kId,
                 "the recorder has a host uid of its own, outside the workspace's control group");
  }
  return missing(kId,
                 "contractor and recorder are one uid: the record proves nothing against the user "
                 "who opened the session",
                 kAsRoot);
}

Guarantee init_separate(const HostFacts& facts) {
  constexpr GuaranteeId kId = GuaranteeId::kInitSeparate;
  if (facts.two_uids)
    return given(kId, "init is uid 999 and not dumpable, the payload is uid 1000");
  return missing(kId, "only one host uid can be mapped", facts.root ? "" : kAsRoot);
}

Guarantee record_unlosable(const HostFacts& facts) {
  constexpr GuaranteeId kId = GuaranteeId::kRecordUnlosable;
  if (facts.sensor.back_end == SensorBackEnd::kNotify) {
    return given(kId, "back end notify: a call waits until the recorder has it");
  }
  return missing(
      kId, "a workspace is not frozen before its ring is full; losses are counted instead", "");
}

Guarantee network_isolated(const HostFacts& facts) {
  constexpr GuaranteeId kId = GuaranteeId::kNetworkIsolated;
  if (facts.network_namespaces) {
    return given(kId, "a network namespace with nothing but its own loopback");
  }
  return missing(kId, "network namespaces cannot be made",
                 facts.root ? "boot a kernel with CONFIG_NET_NS and look at user.max_net_namespaces"
                            : kAsRoot);
}

}  // namespace

SensorFacts sensor_of_ordinary_user(const HostFacts& facts) {
  if (facts.user_notify)
    return {SensorBackEnd::kNotify, "an ordinary user may load no BPF programs"};
  return {SensorBackEnd::kNone,
          "the kernel has no seccomp notification that signals cannot break off"};
}

std::string_view to_string(GuaranteeId id) {
  switch (id) {
    case GuaranteeId::kEventsComplete:
      return "events-complete";
    case GuaranteeId::kNamesExact:
      return "names-exact";
    case GuaranteeId::kIoUringRefused:
      return "io-uring-refused";
    case GuaranteeId::kLimits:
      return "limits";
    case GuaranteeId::kDiskEncrypted:
      return "disk-encrypted";
    case GuaranteeId::kRecorderSeparate:
      return "recorder-separate";
    case GuaranteeId::kInitSeparate:
      return "init-separate";
    case GuaranteeId::kRecordUnlosable:
      return "record-unlosable";
    case GuaranteeId::kNetworkIsolated:
      return "network-isolated";
  }
  return "unknown";
}

std::vector<Guarantee> guarantees(const HostFacts& facts, const model::Profile* profile) {
  std::vector<Guarantee> list = {
      events_complete(facts), names_exact(facts),      io_uring_refused(facts),
      limits(facts, profile), disk_encrypted(facts),   recorder_separate(facts),
      init_separate(facts),   record_unlosable(facts), network_isolated(facts),
  };
  if (profile == nullptr) return list;
  for (Guarantee& one : list) {
    // What `on_record_failure = "end"` asks for is met by ending; only "freeze" relies on no loss.
    if (one.id == GuaranteeId::kRecordUnlosable) {
      one.used = profile->session.on_record_failure != model::OnRecordFailure::kEnd;
    }
  }
  return list;
}

}  // namespace carrel::plan
