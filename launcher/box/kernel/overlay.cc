#include "launcher/box/kernel/overlay.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace carrel::kernel {
namespace {

std::string by_descriptor(int fd) {
  return "/proc/self/fd/" + std::to_string(fd);
}

/// The caller's file-system ids for as long as it lives. setfsuid(2) drops capabilities over files
/// on the way from 0; all that are permitted come back, since overlayfs works with its creator's.
class CreatorIds {
 public:
  static Result<CreatorIds> become(uint32_t id) {
    CreatorIds ids;
    ids.gid_ = setfsgid(id);
    ids.uid_ = setfsuid(id);
    if (setfsuid(static_cast<uid_t>(-1)) != static_cast<int>(id) || !raise_permitted()) {
      return errno_error("become the owner of the workspace's layers");
    }
    return ids;
  }
  CreatorIds(CreatorIds&& other) noexcept : uid_(other.uid_), gid_(other.gid_) {
    other.uid_ = other.gid_ = -1;
  }
  CreatorIds(const CreatorIds&) = delete;
  CreatorIds& operator=(const CreatorIds&) = delete;
  CreatorIds& operator=(CreatorIds&&) = delete;
  ~CreatorIds() {
    if (uid_ < 0) return;
    setfsuid(static_cast<uid_t>(uid_));
    setfsgid(static_cast<gid_t>(gid_));
    (void)raise_permitted();
  }

 private:
  CreatorIds() = default;
  static bool raise_permitted() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> data{};
    if (syscall(SYS_capget, &header, data.data()) != 0) return false;
    for (auto& each : data)
      each.effective = each.permitted;
    return syscall(SYS_capset, &header, data.data()) == 0;
  }

  int uid_ = -1;
  int gid_ = -1;
};

Status set(int context_fd, const char* key, const std::string& value) {
  if (fsconfig(context_fd, FSCONFIG_SET_STRING, key, value.c_str(), 0) != 0) {
    return errno_error(std::string("overlay option ") + key + "=" + value);
  }
  return Done{};
}

Status set_layers(int context_fd, const OverlayLayers& layers) {
  std::string lower;
  for (const int fd : layers.lower)
    lower += (lower.empty() ? "" : ":") + by_descriptor(fd);
  RETURN_IF_ERROR(set(context_fd, "lowerdir", lower));
  if (!layers.upper.has_value()) return set(context_fd, "redirect_dir", "follow");
  const std::string place = by_descriptor(layers.upper->mount_fd) + "/";
  RETURN_IF_ERROR(set(context_fd, "upperdir", place + layers.upper->upper));
  RETURN_IF_ERROR(set(context_fd, "workdir", place + layers.upper->work));
  RETURN_IF_ERROR(set(context_fd, "redirect_dir", "on"));
  return set(context_fd, "metacopy", "off");
}

}  // namespace

Result<UniqueFd> new_overlay(const OverlayLayers& layers) {
  const UniqueFd context(fsopen("overlay", FSOPEN_CLOEXEC));
  if (!context.valid()) return errno_error("fsopen overlay");
  RETURN_IF_ERROR(set(context.get(), "source", "carrel"));
  RETURN_IF_ERROR(set_layers(context.get(), layers));
  RETURN_IF_ERROR(set(context.get(), "index", "off"));
  RETURN_IF_ERROR(set(context.get(), "xino", layers.upper.has_value() ? "on" : "off"));
  {
    ASSIGN_OR_RETURN(const CreatorIds ids, CreatorIds::become(layers.creator));
    if (fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
      return errno_error("make the overlay");
    }
  }
  UniqueFd mount(fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV));
  if (!mount.valid()) return errno_error("fsmount overlay");
  struct statfs about {};
  if (fstatfs(mount.get(), &about) != 0) return errno_error("fstatfs the overlay");
  if (layers.upper.has_value() && (about.f_flags & ST_RDONLY) != 0) {
    return Error{"the overlay came up read-only: its creator is not mapped in the upper layer",
                 EROFS};
  }
  return mount;
}

}  // namespace carrel::kernel
