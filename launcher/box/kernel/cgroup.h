#pragma once
// Control groups (cgroups(7)): one folder of the launcher's, one leaf a session. On a hybrid host
// the unified tree serves for membership, kill and events, the v1 trees for ceilings.

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::kernel {

/// Where leaves are made: absolute folders; "" where the host has no such tree.
struct CgroupRoots {
  std::string unified;
  std::string memory_v1;
  std::string pids_v1;
  bool memory_v2 = false;  // what has no v1 tree comes from the unified one
  bool pids_v2 = false;
  std::string cpu_v1 = {};
  bool cpu_v2 = false;        // cleared where the kernel does not hand it on
  bool swap_counted = false;  // a group without a ceiling of its swap is then a failure
};

/// 0: none.
struct CgroupCeilings {
  uint64_t memory_bytes = 0;  // with what is swapped out, where the kernel counts that
  uint64_t processes = 0;
  uint64_t cpu_milli = 0;  // thousandths of one processor, at least 10
};

/// What a group counts, to read again and again (pread(2)); -1 where the group has no such ceiling.
/// Lines "oom_kill N" in `memory`, "max N" in `processes`, "nr_throttled N" in `cpu`, in cgroup v1
/// and v2 alike; one number in the `used` files.
struct LimitFiles {
  UniqueFd memory, memory_used, processes, processes_used, cpu;
};

/// The launcher's own folder in every tree; removed by remove().
class CgroupFolder {
 public:
  /// In the unified tree the group above is made to hand on the controllers, where it does not.
  static Result<CgroupFolder> create(const CgroupRoots& roots, const std::string& name);
  /// Removes it (and leaves that are empty). Best effort: a busy group stays.
  void remove();
  [[nodiscard]] const CgroupRoots& folders() const { return folders_; }

 private:
  CgroupRoots folders_;
};

/// One session's group in every tree.
class CgroupLeaf {
 public:
  /// Where a ceiling cannot be set nothing is left of it.
  static Result<CgroupLeaf> create(const CgroupFolder& folder, const std::string& name,
                                   const CgroupCeilings& ceilings);
  CgroupLeaf(CgroupLeaf&&) noexcept = default;
  CgroupLeaf& operator=(CgroupLeaf&&) noexcept = default;
  CgroupLeaf(const CgroupLeaf&) = delete;
  CgroupLeaf& operator=(const CgroupLeaf&) = delete;
  ~CgroupLeaf() = default;

  /// The unified folder, for CLONE_INTO_CGROUP.
  [[nodiscard]] int fd() const { return unified_.get(); }
  /// The cgroup's id as BPF sees it: the inode of its folder.
  [[nodiscard]] Result<uint64_t> id() const;
  /// Puts a process into the v1 groups that have a ceiling (the unified one it is born in).
  [[nodiscard]] Status add_to_v1(pid_t pid) const;
  /// Opens a control file ("cgroup.events" for reading, "cgroup.kill" for writing).
  [[nodiscard]] Result<UniqueFd> open_control(const char* name, int flags) const;
  /// Opens what says whether its ceilings were reached. cgroups(7); Documentation/admin-guide/
  /// cgroup-v2.rst and cgroup-v1/{memory,pids}.rst of the kernel.
  [[nodiscard]] Result<LimitFiles> open_limit_files() const;
  /// Kills everything in it and waits until it is empty: ETIMEDOUT after `timeout_ms`.
  [[nodiscard]] Status kill_all(int timeout_ms) const;
  /// Removes the groups; EBUSY while they are populated.
  Status remove();

 private:
  CgroupLeaf() = default;
  [[nodiscard]] std::vector<std::string> v1_paths() const;
  [[nodiscard]] Status set_ceilings() const;
  Status set_memory(uint64_t bytes) const;
  Status set_processes(uint64_t processes) const;
  Status set_cpu(uint64_t milli) const;
  CgroupRoots paths_;
  CgroupCeilings ceilings_;
  UniqueFd unified_;
};

}  // namespace carrel::kernel
