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

}  // namespace carrel::kernel
