#pragma once
// The blocks of a mounted ext4 file system that nobody is given, root neither (ext4's
// "reserved_clusters", Documentation/ABI/testing/sysfs-fs-ext4): a ceiling of its contents that can
// be moved up and down while it is mounted. The kernel forgets it with the mount.

#include <cstdint>
#include <string>

#include "profiles/base/result.h"

namespace carrel::kernel {

/// Keeps `blocks` of the file system mounted from the device ("/dev/loop7") back: calls that would
/// take from them fail with ENOSPC. Below that the kernel may dip into them for its own tables
/// only. Goes through a sysfs mount of its own, so that it does not matter what /sys is here. Needs
/// CAP_SYS_ADMIN.
Status set_ext4_reserve(const std::string& device_path, uint64_t blocks);

}  // namespace carrel::kernel
