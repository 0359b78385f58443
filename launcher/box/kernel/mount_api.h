#pragma once
// The mount API of Linux 5.2 and later, on descriptors: trees are made detached and moved in last.
// Sources: fsopen(2), open_tree(2), move_mount(2), mount_setattr(2) (man-pages 6.03 has them only
// as system calls; glibc 2.36 wraps them). All need CAP_SYS_ADMIN over the mount namespace.

#include <cstdint>
#include <string>

#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::kernel {

/// Who owns a new tmpfs's root, its mode, and how much it may hold.
struct TmpfsOptions {
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t mode = 0755;
  uint64_t size_bytes = 0;
  uint64_t inodes = 0;
};

/// A new detached tmpfs, nosuid and nodev. Writable until make_read_only().
Result<UniqueFd> new_tmpfs(const TmpfsOptions& options);

enum class Tree { kOne, kRecursive };
/// A detached copy of the mount that `fd` (a file or directory) stands on, rooted there.
Result<UniqueFd> clone_tree(int fd, Tree tree);

/// Sets MOUNT_ATTR_* on a mount (and all below it with Tree::kRecursive).
Status set_mount_attributes(int mount_fd, uint64_t attributes, Tree tree);
/// Shows a detached mount with the ids of `user_namespace_fd` (MOUNT_ATTR_IDMAP).
Status idmap_mount(int mount_fd, int user_namespace_fd);

/// Attaches a detached mount at `path` below `directory_fd`.
Status attach_mount(int mount_fd, int directory_fd, const std::string& path);
/// Detaches the mount whose root `mount_fd` is (umount2(2), MNT_DETACH).
Status detach_mount(int mount_fd);

/// A second, detached mount of the file system of `detached_fd`: it is attached for a moment at
/// the folder `place_fd` of the caller's (private) mount namespace, since older kernels clone
/// attached trees only. A folder of the caller's own: two mounts that meet at one place are
/// detached together, and the second cannot be cloned any more.
Result<UniqueFd> second_mount(int detached_fd, int place_fd);

}  // namespace carrel::kernel
