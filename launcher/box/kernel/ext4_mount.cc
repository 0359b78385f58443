#include "launcher/box/kernel/ext4_mount.h"

#include <fcntl.h>
#include <sys/mount.h>

#include "launcher/box/kernel/mount_api.h"

namespace carrel::kernel {

Result<UniqueFd> mount_ext4(const std::string& device_path) {
  const UniqueFd context(fsopen("ext4", FSOPEN_CLOEXEC));
  if (!context.valid()) return errno_error("fsopen ext4");
  if (fsconfig(context.get(), FSCONFIG_SET_STRING, "source", device_path.c_str(), 0) != 0) {
    return errno_error("give ext4 its device " + device_path);
  }
  if (fsconfig(context.get(), FSCONFIG_SET_FLAG, "discard", nullptr, 0) != 0) {
    return errno_error("ext4 option discard");
  }
  if (fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return errno_error("mount the ext4 file system on " + device_path);
  }
  UniqueFd mount(fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV));
  if (!mount.valid()) return errno_error("fsmount ext4");
  return mount;
}

Result<UniqueFd> mount_ext4_folder(const std::string& device_path, const std::string& path,
                                   int place_fd) {
  ASSIGN_OR_RETURN(const UniqueFd whole, mount_ext4(device_path));
  const UniqueFd folder(
      openat(whole.get(), path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.valid()) return errno_error("open " + path + " in a further mount of " + device_path);
  constexpr unsigned kByDescriptor = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  if (move_mount(whole.get(), "", place_fd, "", kByDescriptor) != 0) {
    return errno_error("move_mount of a further mount of " + device_path);
  }
  Result<UniqueFd> clone = clone_tree(folder.get(), Tree::kOne);
  RETURN_IF_ERROR(detach_mount(whole.get()));
  return clone;
}

}  // namespace carrel::kernel
