#include "launcher/box/storage/workspace_disk.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "launcher/box/kernel/ext4_mount.h"
#include "launcher/box/kernel/ext4_reserve.h"
#include "launcher/box/kernel/loop_device.h"
#include "launcher/box/kernel/mount_api.h"
#include "launcher/box/kernel/overlay.h"
#include "launcher/box/plan/plan.h"
#include "profiles/base/text.h"

namespace carrel::storage {

using kernel::Tree;

namespace {

constexpr const char* kFolder = "workspace";  // encrypted
constexpr const char* kUpper = "upper";       // below it, a folder a repository in each
constexpr const char* kWork = "work";
constexpr const char* kHome = "home";
/// Of a new disk: its folders, with those of two repositories.
constexpr uint64_t kOwnBlocks = 16;
/// What ext4 wants to have when it is full, to write its own tables (ext4_calculate_resv_clusters).
constexpr uint64_t kKernelBlocks = 4096;

uint64_t kernel_reserve(uint64_t blocks) {
  return std::min(blocks / 50, kKernelBlocks);
}

Result<struct statfs> ask_about(int folder_fd) {
  struct statfs about {};
  if (fstatfs(folder_fd, &about) != 0)
    return errno_error("ask for the size of the workspace's disk");
  return about;
}

Result<UniqueFd> open_folder(int parent_fd, const std::string& path) {
  UniqueFd folder(openat(parent_fd, path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.valid()) return errno_error("open " + quoted(path) + " on the workspace's disk");
  return folder;
}

/// A file system that met an error may say that it is writable, and refuse.
Status check_writable(int folder_fd) {
  const UniqueFd file(openat(folder_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  if (file.valid() || errno == ENOSPC) return Done{};
  return errno_error("write to the disk that stayed mounted");
}

/// There from now on: the on-disk owner's. A folder of an earlier session stays as it is.
Status make_folder(int parent_fd, const std::string& path, mode_t mode) {
  if (mkdirat(parent_fd, path.c_str(), mode) != 0) {
    if (errno == EEXIST) return Done{};
    return errno_error("make " + quoted(path) + " on the workspace's disk");
  }
  if (fchownat(parent_fd, path.c_str(), plan::kOnDiskOwner, plan::kOnDiskOwner,
               AT_SYMLINK_NOFOLLOW) != 0) {
    return errno_error("own " + quoted(path) + " on the workspace's disk");
  }
  return Done{};
}

/// A layer attached for as long as it lives.
class Attached {
 public:
  static Result<Attached> at(int place_fd, UniqueFd mount) {
    constexpr unsigned kByDescriptor = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
    if (move_mount(mount.get(), "", place_fd, "", kByDescriptor) != 0) {
      return errno_error("attach a layer of the overlay");
    }
    return Attached(std::move(mount));
  }
  Attached(Attached&&) noexcept = default;
  Attached& operator=(Attached&&) = delete;
  Attached(const Attached&) = delete;
  Attached& operator=(const Attached&) = delete;
  ~Attached() {
    // Nothing can be done about a failure: the namespace ends with the launcher.
    if (mount_.valid()) (void)kernel::detach_mount(mount_.get()).ok();
  }
  [[nodiscard]] int fd() const { return mount_.get(); }

 private:
  explicit Attached(UniqueFd mount) : mount_(std::move(mount)) {}
  UniqueFd mount_;
};

Result<UniqueFd> lower_layer(int tree_fd, const Viewer& viewer) {
  ASSIGN_OR_RETURN(UniqueFd lower, kernel::clone_tree(tree_fd, Tree::kOne));
  RETURN_IF_ERROR(kernel::idmap_mount(lower.get(), viewer.idmap_fd));
  RETURN_IF_ERROR(kernel::set_mount_attributes(
      lower.get(), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, Tree::kOne));
  return lower;
}

}  // namespace

Result<WorkspaceDisk> WorkspaceDisk::mount(UniqueFd image, const Secret& key) {
  WorkspaceDisk disk;
  ASSIGN_OR_RETURN(const kernel::LoopDevice loop, kernel::attach_loop(image.get()));
  disk.device_ = loop.path;
  ASSIGN_OR_RETURN(disk.mount_, kernel::mount_ext4(loop.path));
  // ioctls need a real descriptor, fsmount's is O_PATH.
  ASSIGN_OR_RETURN(const UniqueFd root, open_folder(disk.mount_.get(), "."));
  ASSIGN_OR_RETURN(const kernel::FileKeyId id, kernel::add_file_key(root.get(), key));
  RETURN_IF_ERROR(make_folder(root.get(), kFolder, 0700));
  ASSIGN_OR_RETURN(disk.folder_, open_folder(root.get(), kFolder));
  RETURN_IF_ERROR(kernel::encrypt_folder(disk.folder_.get(), id));
  RETURN_IF_ERROR(make_folder(disk.folder_.get(), kUpper, 0755));
  RETURN_IF_ERROR(make_folder(disk.folder_.get(), kWork, 0755));
  RETURN_IF_ERROR(make_folder(disk.folder_.get(), kHome, 0700));
  return disk;
}

WorkspaceDisk WorkspaceDisk::of(DiskParts parts) {
  WorkspaceDisk disk;
  disk.mount_ = std::move(parts.mount);
  disk.folder_ = std::move(parts.folder);
  disk.device_ = std::move(parts.device);
  return disk;
}

DiskParts WorkspaceDisk::give_parts() {
  return {std::move(mount_), std::move(folder_), std::move(device_)};
}

Status WorkspaceDisk::resume(int image_fd) const {
  ASSIGN_OR_RETURN(const bool is_its_own, kernel::is_loop_of(device_, image_fd));
  struct stat device {};
  struct stat folder {};
  if (stat(device_.c_str(), &device) != 0 || fstat(folder_.get(), &folder) != 0) {
    return errno_error("stat the workspace's disk");
  }
  if (!is_its_own || folder.st_dev != device.st_rdev) {
    return Error{"the disk that stayed mounted is of another image", ESTALE};
  }
  ASSIGN_OR_RETURN(const struct statfs about, ask_about(folder_.get()));
  RETURN_IF_ERROR(check_writable(folder_.get()));
  return kernel::set_ext4_reserve(device_, kernel_reserve(about.f_blocks));
}

Status WorkspaceDisk::add_repository(const std::string& name) const {
  RETURN_IF_ERROR(make_folder(folder_.get(), std::string(kUpper) + "/" + name, 0755));
  return make_folder(folder_.get(), std::string(kWork) + "/" + name, 0755);
}

/// A folder of the disk as a detached mount of its own; nothing above it can be reached through it.
Result<UniqueFd> WorkspaceDisk::mount_of(const std::string& path, const Places& places) const {
  ASSIGN_OR_RETURN(const UniqueFd folder, open_folder(folder_.get(), path));
  Result<UniqueFd> clone = kernel::clone_tree(folder.get(), Tree::kOne);
  if (clone.ok() || clone.error().sys_errno != EINVAL) return clone;
  // Before Linux 6.15: the disk is attached nowhere.
  return kernel::mount_ext4_folder(device_, std::string(kFolder) + "/" + path, places.upper_fd);
}

Result<UniqueFd> WorkspaceDisk::upper_layer(const Viewer& viewer, const Places& places) const {
  ASSIGN_OR_RETURN(UniqueFd upper, mount_of(".", places));
  RETURN_IF_ERROR(kernel::idmap_mount(upper.get(), viewer.idmap_fd));
  RETURN_IF_ERROR(
      kernel::set_mount_attributes(upper.get(), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, Tree::kOne));
  return upper;
}

Result<UniqueFd> WorkspaceDisk::working_tree(const std::string& name, int tree_fd,
                                             const Viewer& viewer, const Places& places) const {
  ASSIGN_OR_RETURN(UniqueFd upper_mount, upper_layer(viewer, places));
  ASSIGN_OR_RETURN(UniqueFd lower_mount, lower_layer(tree_fd, viewer));
  ASSIGN_OR_RETURN(const Attached upper, Attached::at(places.upper_fd, std::move(upper_mount)));
  ASSIGN_OR_RETURN(const Attached lower, Attached::at(places.lower_fd, std::move(lower_mount)));
  kernel::OverlayLayers layers;
  layers.lower = {lower.fd()};
  layers.upper = kernel::OverlayUpper{upper.fd(), std::string(kUpper) + "/" + name,
                                      std::string(kWork) + "/" + name};
  layers.creator = viewer.uid;
  return kernel::new_overlay(layers);
}

Result<UniqueFd> WorkspaceDisk::view(const std::string& name, int tree_fd, const Viewer& viewer,
                                     const Places& places) const {
  ASSIGN_OR_RETURN(UniqueFd upper_mount, upper_layer(viewer, places));
  ASSIGN_OR_RETURN(UniqueFd lower_mount, lower_layer(tree_fd, viewer));
  ASSIGN_OR_RETURN(const Attached upper, Attached::at(places.upper_fd, std::move(upper_mount)));
  ASSIGN_OR_RETURN(const Attached lower, Attached::at(places.lower_fd, std::move(lower_mount)));
  ASSIGN_OR_RETURN(const UniqueFd changes,
                   open_folder(upper.fd(), std::string(kUpper) + "/" + name));
  kernel::OverlayLayers layers;
  layers.lower = {changes.get(), lower.fd()};
  layers.creator = viewer.uid;
  ASSIGN_OR_RETURN(UniqueFd view, kernel::new_overlay(layers));
  RETURN_IF_ERROR(kernel::set_mount_attributes(
      view.get(), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
      Tree::kOne));
  return view;
}

Result<UniqueFd> WorkspaceDisk::changes(const std::string& name, const Viewer& viewer,
                                        const Places& places) const {
  ASSIGN_OR_RETURN(UniqueFd changes, mount_of(std::string(kUpper) + "/" + name, places));
  RETURN_IF_ERROR(kernel::idmap_mount(changes.get(), viewer.idmap_fd));
  RETURN_IF_ERROR(kernel::set_mount_attributes(
      changes.get(), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
      Tree::kOne));
  return changes;
}

Result<DiskSize> WorkspaceDisk::most() const {
  ASSIGN_OR_RETURN(const struct statfs about, ask_about(folder_.get()));
  const uint64_t kept = kOwnBlocks + kernel_reserve(about.f_blocks);
  return DiskSize{
      (about.f_blocks - std::min(about.f_blocks, kept)) * static_cast<uint64_t>(about.f_bsize),
      about.f_files - std::min(about.f_files, kOwnInodes)};
}

Result<DiskSize> WorkspaceDisk::used() const {
  ASSIGN_OR_RETURN(const struct statfs about, ask_about(folder_.get()));
  const uint64_t blocks = about.f_blocks - about.f_bfree;
  const uint64_t inodes = about.f_files - about.f_ffree;
  return DiskSize{(blocks - std::min(blocks, kOwnBlocks)) * static_cast<uint64_t>(about.f_bsize),
                  inodes - std::min(inodes, kOwnInodes)};
}

Status WorkspaceDisk::limit(uint64_t bytes) const {
  ASSIGN_OR_RETURN(const struct statfs about, ask_about(folder_.get()));
  const uint64_t given = bytes / static_cast<uint64_t>(about.f_bsize) + kOwnBlocks;
  if (given > about.f_blocks) {
    return Error{"the workspace's disk has no room for " + std::to_string(bytes) + " bytes", EFBIG};
  }
  return kernel::set_ext4_reserve(device_, about.f_blocks - given);
}

Result<UniqueFd> WorkspaceDisk::home(const Places& places) const {
  return mount_of(kHome, places);
}

}  // namespace carrel::storage
