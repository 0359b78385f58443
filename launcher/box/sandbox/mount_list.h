#pragma once
// A plan's mount steps as detached mounts and plain C data, prepared by the parent so that the
// child allocates nothing.

#include <string>
#include <vector>

#include "launcher/box/plan/plan.h"
#include "launcher/box/sandbox/sandbox.h"
#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::sandbox {

enum class Act {
  kAttach,           // move the detached `mount` to `target`
  kAttachIfThere,    // the same; a missing target is no failure (masks)
  kProc,             // a new procfs
  kDevpts,           // a new devpts
  kReadOnlyInPlace,  // bind `target` on itself, read-only and recursive; missing: nothing to do
};

/// One act of the child. `target` is relative to the new root, "." for the root itself.
struct Mount {
  Act act = Act::kAttach;
  std::string target;
  UniqueFd mount;
};

struct MountList {
  UniqueFd root;                       // the root tmpfs, filled with folders, files and links
  std::vector<Mount> mounts;           // in order
  std::vector<std::string> read_only;  // tmpfs mounts to make read-only after all, "." last
};

/// Builds every detached mount of the plan. Takes the sources' descriptors out of `resources`.
Result<MountList> prepare_mounts(const plan::SandboxPlan& plan, Resources& resources);

}  // namespace carrel::sandbox
