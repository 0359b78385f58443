#pragma once
// A workspace's disk, mounted: where the contractor's changes to the slices and their home lie,
// encrypted with the workspace's own key. On disk everything belongs to plan::kOnDiskOwner; each
// session sees it as its payload's by an id map. The disk never shows up at a path of the host.

#include <cstdint>
#include <string>

#include "launcher/box/kernel/file_encryption.h"
#include "launcher/box/storage/image.h"
#include "profiles/base/result.h"
#include "profiles/base/secret.h"
#include "profiles/base/unique_fd.h"

namespace carrel::storage {

/// Whose eyes a mount is made for: kernel::make_id_map({plan::kOnDiskOwner, uid}) and that uid.
struct Viewer {
  int idmap_fd = -1;
  uint32_t uid = 0;
};

/// Two empty folders of the caller's mount namespace, used by nobody else meanwhile: layers are
/// attached there while an overlay is made of them, and what older kernels clone from.
struct Places {
  int lower_fd = -1;
  int upper_fd = -1;
};

/// What a mounted disk is made of, to be handed to another process.
struct DiskParts {
  UniqueFd mount;
  UniqueFd folder;
  std::string device;  // "/dev/loopN"
};

class WorkspaceDisk {
 public:
  /// Mounts the image (open_image()), replaying its journal where a crash left one, and unlocks it.
  /// The first time its encrypted folder is made. A wrong key is an Error, nothing is written then.
  /// The disk is unmounted and its loop device given back when this and every mount made of it have
  /// gone. Needs CAP_SYS_ADMIN.
  static Result<WorkspaceDisk> mount(UniqueFd image, const Secret& key);

  /// The same disk in another process, of what give_parts() said there. It stays mounted as long as
  /// either has it.
  static WorkspaceDisk of(DiskParts parts);
  /// Gives the disk away; nothing else may be called afterwards.
  DiskParts give_parts();

  /// Before a second session, of a disk that stayed mounted after the first: as mount() answers it,
  /// limited by nothing. An Error where it is not of the image behind `image_fd`, or cannot be
  /// written to any more.
  [[nodiscard]] Status resume(int image_fd) const;

  /// Makes the folders of a repository that the workspace did not have yet.
  [[nodiscard]] Status add_repository(const std::string& name) const;

  /// The repository's working tree for the payload: the slice below (read-only, `tree_fd`), the
  /// disk above. Detached.
  Result<UniqueFd> working_tree(const std::string& name, int tree_fd, const Viewer& viewer,
                                const Places& places) const;

  /// The same tree, read-only, as another uid sees it: for the difference at the end. It must be
  /// looked at only when the payload is gone: overlayfs promises nothing while a lower layer
  /// changes, and here the payload's own upper layer is a lower one.
  Result<UniqueFd> view(const std::string& name, int tree_fd, const Viewer& viewer,
                        const Places& places) const;

  /// The upper layer by itself, read-only, as another uid sees it: what was changed is named there.
  /// Detached, and nothing above it can be reached through it. Looked at when the view may be.
  Result<UniqueFd> changes(const std::string& name, const Viewer& viewer,
                           const Places& places) const;

  /// The home folder, detached, ids not mapped yet.
  Result<UniqueFd> home(const Places& places) const;

  /// What it could hold, whatever its limit.
  [[nodiscard]] Result<DiskSize> most() const;
  /// What lies on it of the contractor's.
  [[nodiscard]] Result<DiskSize> used() const;
  /// From now on it holds `bytes` of contents, at most most().bytes, and not a block more: root is
  /// held to it as well. Who holds more already can write nothing more until there is less. Last of
  /// all when a session is made ready: what has to be written for that finds room on a full disk,
  /// too. Forgotten when the disk is unmounted.
  [[nodiscard]] Status limit(uint64_t bytes) const;

  /// The folder of everything, for fstatfs(2) and syncfs(2).
  [[nodiscard]] int folder_fd() const { return folder_.get(); }

 private:
  WorkspaceDisk() = default;
  [[nodiscard]] Result<UniqueFd> mount_of(const std::string& path, const Places& places) const;
  [[nodiscard]] Result<UniqueFd> upper_layer(const Viewer& viewer, const Places& places) const;

  UniqueFd mount_;
  UniqueFd folder_;     // the encrypted one
  std::string device_;  // "/dev/loopN"
};

}  // namespace carrel::storage
