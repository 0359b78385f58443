#include "launcher/box/kernel/ext4_reserve.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "profiles/base/text.h"
#include "profiles/base/unique_fd.h"

namespace carrel::kernel {
namespace {

Result<UniqueFd> mount_sysfs() {
  const UniqueFd context(fsopen("sysfs", FSOPEN_CLOEXEC));
  if (!context.valid()) return errno_error("fsopen sysfs");
  if (fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return errno_error("mount sysfs");
  }
  UniqueFd mount(fsmount(context.get(), FSMOUNT_CLOEXEC,
                         MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
  if (!mount.valid()) return errno_error("fsmount sysfs");
  return mount;
}

}  // namespace

Status set_ext4_reserve(const std::string& device_path, uint64_t blocks) {
  ASSIGN_OR_RETURN(const UniqueFd sysfs, mount_sysfs());
  const std::string device = device_path.substr(device_path.rfind('/') + 1);
  const std::string path = "fs/ext4/" + device + "/reserved_clusters";
  const UniqueFd file(openat(sysfs.get(), path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.valid()) return errno_error("open " + quoted(path) + " in sysfs");
  const std::string text = std::to_string(blocks);
  if (write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return errno_error("write " + quoted(path) + " in sysfs");
  }
  return Done{};
}

}  // namespace carrel::kernel
