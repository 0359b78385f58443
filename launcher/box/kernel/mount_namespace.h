#pragma once
// A mount namespace of the launcher's own (mount_namespaces(7)), and the way back to the one it
// came from: open_tree(2) clones only mounts of the caller's namespace, and what a caller of Carrel
// opened lies in the caller's.

#include <functional>

#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::kernel {

struct MountNamespaces {
  UniqueFd home;  // where this process was started; invalid where there is no way back to it
  UniqueFd own;   // private: nothing mounted here is seen elsewhere, nor the reverse
};

/// Makes the caller's own and moves into it. Descriptors opened before still point home. Needs
/// CAP_SYS_ADMIN; one thread.
Result<MountNamespaces> leave_mount_namespace();

/// The same for who has powers only in a user namespace of its own: there is no way back then
/// (setns(2) asks for CAP_SYS_ADMIN over the one that owns the target), but what is mounted at home
/// later still appears here.
Result<MountNamespaces> leave_mount_namespace_for_good();

/// Carries `open` out at home, where what the host has mounted since is seen, and where what it
/// opens can be cloned from. Comes back as clone_tree_from_home() does. One thread.
Result<UniqueFd> open_at_home(const MountNamespaces& namespaces,
                              const std::function<Result<UniqueFd>()>& open);

/// A detached copy of the mount that `fd` stands on, rooted there, where `fd` was opened at home
/// (or in a namespace that shows the same mounts). The caller is back in its own namespace
/// afterwards, its working directory at the root; failing to come back ends the process. One
/// thread. Without a way home the same file is opened here by its path, which must lead to it here
/// too.
Result<UniqueFd> clone_tree_from_home(const MountNamespaces& namespaces, int fd);

}  // namespace carrel::kernel
