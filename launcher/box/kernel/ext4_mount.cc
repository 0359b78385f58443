#include "launcher/box/kernel/ext4_mount.h"

#include <sys/mount.h>

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

}  // namespace carrel::kernel
