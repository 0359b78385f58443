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
  bool controllers_v2 = false;  // memory and pids come from the unified tree
};

struct CgroupCeilings {
  uint64_t memory_bytes = 0;  // 0: none
  uint64_t processes = 0;
};

/// The launcher's own folder in every tree; removed by remove().
class CgroupFolder {
 public:
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
  /// Puts a process into the v1 groups (the unified one it is born in).
  [[nodiscard]] Status add_to_v1(pid_t pid) const;
  /// Opens a control file ("cgroup.events" for reading, "cgroup.kill" for writing).
  [[nodiscard]] Result<UniqueFd> open_control(const char* name, int flags) const;
  /// Kills everything in it and waits until it is empty: ETIMEDOUT after `timeout_ms`.
  [[nodiscard]] Status kill_all(int timeout_ms) const;
  /// Removes the groups; EBUSY while they are populated.
  Status remove();

 private:
  CgroupLeaf() = default;
  CgroupRoots paths_;
  UniqueFd unified_;
};

}  // namespace carrel::kernel
