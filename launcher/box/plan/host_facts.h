#pragma once
// What this host can do, as plain values: gathered once by launcher/box/probe, read by make_plan. A
// test writes one down by hand to stand for any machine.

#include <cstdint>
#include <string>
#include <vector>

#include "profiles/base/paths.h"

namespace carrel::plan {

/// How control groups are laid out. On a hybrid host the unified tree has no controllers but still
/// offers cgroup.kill, cgroup.freeze and cgroup.events; limits then come from the v1 trees.
enum class CgroupLayout { kNone, kV2, kHybrid };

struct CgroupFacts {
  CgroupLayout layout = CgroupLayout::kNone;
  std::string unified;  // mount point of the cgroup2 tree, "" when there is none
  std::string own;      // this process' group below `unified`: "/" or "/a/b"
  std::string
      memory_v1;  // folder of this process' group in the v1 memory tree, "" when there is none
  std::string pids_v1;     // the same of the pids tree
  bool memory_v2 = false;  // the controller belongs to the unified tree
  bool pids_v2 = false;
  bool has_kill = false;    // cgroup.kill (Linux 5.14)
  bool has_freeze = false;  // cgroup.freeze
  std::string cpu_v1 = {};  // as memory_v1
  bool cpu_v2 = false;
  bool swap = false;          // the host swaps
  bool swap_counted = false;  // what is swapped out has a ceiling too
  /// `own` was handed on, to make groups in; what is named above is the ordinary user's, too.
  bool delegated = false;
  std::string reason = {};  // why it is not, or not with every controller
  bool operator==(const CgroupFacts&) const = default;
};

enum class SensorBackEnd { kNone, kSyscall, kVfs, kNotify };

/// Filled in by whoever tried to load the programs; the probe leaves kNone. An ordinary user's is
/// kNotify (sensor_of_ordinary_user) or none.
struct SensorFacts {
  SensorBackEnd back_end = SensorBackEnd::kNone;
  std::string reason;         // why not a better one, "" for kVfs
  std::string no_flows = {};  // why connections are of an unknown process, "" where they are not
  bool operator==(const SensorFacts&) const = default;
};

enum class StorageKind { kFolder, kImage };

/// Where workspaces keep their files. The probe looks for the means; the launcher tries them once.
struct StorageFacts {
  StorageKind kind = StorageKind::kFolder;
  std::string reason;  // why not an image; of one, how it can hold more than its profile says
  bool operator==(const StorageFacts&) const = default;
};

/// One of /bin /lib /lib32 /lib64 /libx32 /sbin: a link (usr-merged host) or a directory of its
/// own.
struct RootEntry {
  std::string name;         // "bin"
  std::string link_target;  // "usr/bin"; "" for a directory
  bool operator==(const RootEntry&) const = default;
};

/// An entry of the host's /etc that a workspace may see read-only; the allowlist is `kVisibleEtc`.
struct EtcEntry {
  std::string path;  // relative to /etc: "ssl/certs"
  bool directory = true;
  bool operator==(const EtcEntry&) const = default;
};

struct HostFacts {
  std::string kernel_release;
  std::string machine;  // uname: only "x86_64" is supported
  bool root =
      false;  // the caller has uid 0 in the host's first user namespace and may administer it
  CgroupFacts cgroup;
  SensorFacts sensor;
  StorageFacts storage;
  int landlock_abi = 0;  // 0: none
  bool user_namespaces = false;
  bool network_namespaces = false;
  bool two_uids = false;  // two host uids can be mapped: init and payload get one each
  bool clone_into_cgroup = false;
  bool new_mount_api = false;  // fsopen, fsmount, open_tree, move_mount, mount_setattr
  bool idmapped_mounts = false;
  bool openat2 = false;
  bool seccomp_filter = false;
  bool seccomp_errno = false;
  bool seccomp_kill_process = false;
  bool close_range = false;
  bool pidfd = false;
  bool secret_memory = false;  // memfd_secret
  // For ordinary users; the probe of a privileged caller leaves them false.
  bool user_notify = false;  // seccomp user notification that a signal cannot break off (5.19)
  bool new_procfs = false;   // a new procfs in namespaces of one's own
  std::vector<RootEntry> root_entries;  // in the order of kRootEntries
  std::vector<EtcEntry> etc;            // those of kVisibleEtc that exist, in that order
  std::vector<std::string> devices;  // those of kDevices that exist as the right character device
  std::vector<std::string> notes;    // one sentence each: what a probe found out beyond yes or no
  bool operator==(const HostFacts&) const = default;
};

/// Whether a workspace gets a control group of its own.
inline bool has_groups(const HostFacts& facts) {
  return facts.root || facts.cgroup.delegated;
}

/// What watches a workspace of a caller who may load no BPF programs.
SensorFacts sensor_of_ordinary_user(const HostFacts& facts);

/// What a probe looks for, in the order in which facts and plans list it.
extern const std::vector<std::string> kRootEntries;
extern const std::vector<std::string> kVisibleEtc;
extern const std::vector<std::string> kDevices;

}  // namespace carrel::plan
