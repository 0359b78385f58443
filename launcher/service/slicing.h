#pragma once
// Runs carrel-slicer in an internal workspace of its own: one repository read-only, one output
// folder or none, no network, an uid slot of its own.

#include <cstdint>
#include <functional>
#include <string>

#include "launcher/box/kernel/cgroup.h"
#include "launcher/box/kernel/mount_namespace.h"
#include "launcher/box/kernel/seccomp_filter.h"
#include "launcher/box/plan/host_facts.h"
#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"
#include "profiles/model/profile.h"

namespace carrel::service {

struct SliceJob {
  const model::Repository* repository = nullptr;
  int repository_fd = -1;  // O_PATH folder that the caller opened
  const kernel::MountNamespaces* namespaces = nullptr;
  int output_fd = -1;     // empty folder of the on-disk owner
  uint32_t uid_base = 0;  // a slot
  bool idmaps = true;     // owners are shown as the slicer's; else everything is the caller's own
  const kernel::CgroupFolder* cgroups = nullptr;  // null: none
  std::string cgroup_name;
  int init_fd = -1;    // load_init() of carrel-init
  int slicer_fd = -1;  // and of carrel-slicer
  const kernel::SeccompPrograms* filters = nullptr;
  /// Asked about every 100 ms; true: give up (nobody wants it any more).
  std::function<bool()> gone;
};

/// A failure of slicing with the exit code of interfaces.md 1.
struct SliceFailure {
  int code = 123;
  std::string text;
};

/// Blocks until the slice is made (at most 30 minutes). On an Error `failure` says whose fault it
/// is; the internal workspace has ended and its cgroup is gone in any case.
Status make_slice(const plan::HostFacts& facts, const SliceJob& job, SliceFailure* failure);

/// Has carrel-slicer say which commit the repository's ref names now, in the same kind of workspace
/// but without an output folder (`output_fd` and the entries of the repository do not count): the
/// 40 hex digits, parsed as hostile bytes. At most a minute; failures as of make_slice().
///
/// The ref may move between this and make_slice(), so only the manifest's `source` says what was
/// sliced: name a folder by the key of that commit, not of this answer.
Result<std::string> resolve_commit(const plan::HostFacts& facts, const SliceJob& job,
                                   SliceFailure* failure);

/// Has carrel-slicer put back what git needs (slices/mend.h) in a working tree that a contractor
/// has worked in, before the next session begins; nobody may be at work in it. The contractor's
/// bytes are parsed in there, by a process that can write nothing but that tree. `slice_fd`: the
/// slice's folder, with its manifest. `tree`: a detached mount of the working tree (the overlay),
/// whose files belong to payload of the slot `job.uid_base`. Of `job` the repository's name and
/// what runs the slicer count. At most a minute. A failure with code 121 means that the contractor
/// left what cannot be mended: the session can go on, with that sentence as a warning.
Status mend_git(const plan::HostFacts& facts, const SliceJob& job, int slice_fd, UniqueFd tree,
                SliceFailure* failure);

}  // namespace carrel::service
