#include "launcher/box/kernel/mount_api.h"

#include <fcntl.h>
#include <sys/mount.h>

namespace carrel::kernel {

namespace {

Status set_option(int context_fd, const char* key, const std::string& value) {
  if (fsconfig(context_fd, FSCONFIG_SET_STRING, key, value.c_str(), 0) != 0) {
    return errno_error(std::string("tmpfs option ") + key + "=" + value);
  }
  return Done{};
}

std::string octal(uint32_t mode) {
  std::string out;
  for (int shift = 9; shift >= 0; shift -= 3)
    out += static_cast<char>('0' + (mode >> shift & 7));
  return out;
}

unsigned recursive_flag(Tree tree) {
  return tree == Tree::kRecursive ? static_cast<unsigned>(AT_RECURSIVE) : 0U;
}

}  // namespace

Result<UniqueFd> new_tmpfs(const TmpfsOptions& options) {
  const UniqueFd context(fsopen("tmpfs", FSOPEN_CLOEXEC));
  if (!context.valid()) return errno_error("fsopen tmpfs");
  RETURN_IF_ERROR(set_option(context.get(), "uid", std::to_string(options.uid)));
  RETURN_IF_ERROR(set_option(context.get(), "gid", std::to_string(options.gid)));
  RETURN_IF_ERROR(set_option(context.get(), "mode", octal(options.mode)));
  if (options.size_bytes != 0) {
    RETURN_IF_ERROR(set_option(context.get(), "size", std::to_string(options.size_bytes)));
  }
  if (options.inodes != 0) {
    RETURN_IF_ERROR(set_option(context.get(), "nr_inodes", std::to_string(options.inodes)));
  }
  if (fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return errno_error("create a tmpfs");
  }
  UniqueFd mount(fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV));
  if (!mount.valid()) return errno_error("fsmount tmpfs");
  return mount;
}

Result<UniqueFd> clone_tree(int fd, Tree tree) {
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | static_cast<unsigned>(AT_EMPTY_PATH);
  UniqueFd clone(open_tree(fd, "", flags | recursive_flag(tree)));
  if (!clone.valid()) return errno_error("open_tree");
  return clone;
}

Status set_mount_attributes(int mount_fd, uint64_t attributes, Tree tree) {
  mount_attr change{};
  change.attr_set = attributes;
  change.propagation = static_cast<uint64_t>(MS_PRIVATE);
  const int flags = AT_EMPTY_PATH | static_cast<int>(recursive_flag(tree));
  if (mount_setattr(mount_fd, "", static_cast<unsigned>(flags), &change, sizeof change) != 0) {
    return errno_error("mount_setattr");
  }
  return Done{};
}

Status idmap_mount(int mount_fd, int user_namespace_fd) {
  mount_attr change{};
  change.attr_set = MOUNT_ATTR_IDMAP;
  change.userns_fd = static_cast<__u64>(user_namespace_fd);
  if (mount_setattr(mount_fd, "", AT_EMPTY_PATH, &change, sizeof change) != 0) {
    return errno_error("mount_setattr idmap");
  }
  return Done{};
}

Status attach_mount(int mount_fd, int directory_fd, const std::string& path) {
  if (move_mount(mount_fd, "", directory_fd, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return errno_error("move_mount to " + path);
  }
  return Done{};
}

Status detach_mount(int mount_fd) {
  const std::string path = "/proc/self/fd/" + std::to_string(mount_fd);
  if (umount2(path.c_str(), MNT_DETACH) != 0) return errno_error("umount2 detach");
  return Done{};
}

Result<UniqueFd> second_mount(int detached_fd, int place_fd) {
  constexpr unsigned kByDescriptor = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  if (move_mount(detached_fd, "", place_fd, "", kByDescriptor) != 0) {
    return errno_error("move_mount for a second mount");
  }
  Result<UniqueFd> second = clone_tree(detached_fd, Tree::kOne);
  RETURN_IF_ERROR(detach_mount(detached_fd));
  return second;
}

}  // namespace carrel::kernel
