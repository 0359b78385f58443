#pragma once
// Overlay file systems (Documentation/filesystems/overlayfs.rst), made by the launcher outside the
// workspace: only a mount with the host's capabilities may keep renames of lower folders in
// trusted.* attributes, which the payload can neither read nor write.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::kernel {

/// Where an overlay's own files lie: two folders on one mount.
struct OverlayUpper {
  int mount_fd = -1;
  std::string upper;  // relative to the mount's root, as is `work`
  std::string work;
};

/// Layers as mounts that are attached in the caller's mount namespace (older kernels refuse
/// detached ones) and stay so until the overlay is made; it keeps clones of its own.
struct OverlayLayers {
  std::vector<int> lower;  // uppermost first; each the root of a mount or a folder on one
  std::optional<OverlayUpper> upper;  // nothing: a read-only view, of two lower layers or more
  uint32_t creator = 0;  // the uid and gid that the layers' id map shows their owner as
};

/// The overlay, detached. One with an upper layer gives everything in it one st_dev and inode
/// numbers of its own that stay; a view gives files the inode number that they have in their layer.
/// Whoever creates one without being mapped in its upper layer gets a
/// read-only file system without an error: so this becomes `creator` for the moment, and an overlay
/// with an upper layer that comes up read-only is an Error. Needs CAP_SYS_ADMIN, CAP_SETUID and
/// CAP_SETGID; one thread. No set-uid bits and no devices, whatever the layers hold.
Result<UniqueFd> new_overlay(const OverlayLayers& layers);

}  // namespace carrel::kernel
