#pragma once
// The file that holds a workspace's disk: a sparse ext4 image in the workspace's folder on the
// host. Made and formatted outside (launcher/service); here it is locked and mounted.

#include <cstdint>
#include <string>
#include <vector>

#include "profiles/base/result.h"
#include "profiles/base/secret.h"
#include "profiles/base/unique_fd.h"

namespace carrel::storage {

/// What a workspace's disk holds: beyond either, ext4 answers ENOSPC.
struct DiskSize {
  uint64_t bytes = 0;   // of contents, to be used up; the file system's own tables come on top
  uint64_t inodes = 0;  // files and folders; of the slice only those that are changed
  bool operator==(const DiskSize&) const = default;
};

/// Files and folders of an image that are not the contractor's: ext4's own, and ours.
inline constexpr uint64_t kOwnInodes = 32;
/// ext4 has as many inodes in each of its groups of 128 MiB: so many more a group it can be.
inline constexpr uint64_t kInodesRounding = 16;

/// The size of the image for it. It has room for four times as many bytes, and at most 1 TiB more:
/// WorkspaceDisk::limit() keeps that back, so that the limit can be raised later and a full
/// workspace opened. A multiple of 4096. Pure.
uint64_t image_bytes(const DiskSize& size);

/// A new sparse file of that size, 0600, EEXIST where there is one.
Result<UniqueFd> make_image_file(int folder_fd, const std::string& name, uint64_t bytes);

/// mkfs.ext4(8)'s arguments (after argv[0]) for the image at `path`: 4096-byte blocks, whatever the
/// size; no blocks reserved for root, since overlayfs writes with root's rights; tables and journal
/// initialised lazily by the kernel, nothing discarded: the file is new. Pure.
std::vector<std::string> format_arguments(const DiskSize& size, const std::string& path);

/// Opens the image for its only user: the lock lasts as long as a loop device has the file. Waits
/// up to `wait_ms` for one that is being unmounted (writing back what a session left takes
/// seconds). EWOULDBLOCK when it stays in use.
Result<UniqueFd> open_image(int folder_fd, const std::string& name, int wait_ms);

}  // namespace carrel::storage
