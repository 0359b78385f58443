#include "launcher/box/kernel/mount_namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include "launcher/box/kernel/mount_api.h"
#include "profiles/base/check.h"

namespace carrel::kernel {
namespace {

Result<UniqueFd> current_namespace() {
  UniqueFd fd(open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return errno_error("open /proc/self/ns/mnt");
  return fd;
}

}  // namespace

Result<MountNamespaces> leave_mount_namespace() {
  MountNamespaces namespaces;
  ASSIGN_OR_RETURN(namespaces.home, current_namespace());
  if (unshare(CLONE_NEWNS) != 0) return errno_error("make a mount namespace");
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return errno_error("make mounts private");
  }
  ASSIGN_OR_RETURN(namespaces.own, current_namespace());
  return namespaces;
}

Result<UniqueFd> clone_tree_from_home(const MountNamespaces& namespaces, int fd) {
  if (setns(namespaces.home.get(), CLONE_NEWNS) != 0) {
    return errno_error("setns to the caller's mount namespace");
  }
  Result<UniqueFd> tree = clone_tree(fd, Tree::kOne);
  // Going on in the host's namespace would put this process's mounts there.
  CHECK(setns(namespaces.own.get(), CLONE_NEWNS) == 0);
  return tree;
}

}  // namespace carrel::kernel
