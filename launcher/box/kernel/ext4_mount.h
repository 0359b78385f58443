#pragma once
// The file system of a workspace's image, mounted detached (fsopen(2), ext4(5)).

#include <string>

#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::kernel {

/// Mounts the ext4 file system of a block device: detached, nosuid, nodev, with `discard`, so that
/// what is deleted inside is given back to the host. A journal left by a crash is replayed here.
/// The answer is O_PATH; open "." beneath it for ioctl(2) or syncfs(2). Needs CAP_SYS_ADMIN.
Result<UniqueFd> mount_ext4(const std::string& device_path);

/// The folder `path` of a file system that mount_ext4() has mounted, as a further detached mount
/// with the folder as its root. What clone_tree() does since Linux 6.15: older kernels clone
/// attached trees only, so another mount of the same file system is attached for a moment at
/// `place_fd` (as in second_mount()). Slower, by the time that the kernel takes to detach it.
Result<UniqueFd> mount_ext4_folder(const std::string& device_path, const std::string& path,
                                   int place_fd);

}  // namespace carrel::kernel
