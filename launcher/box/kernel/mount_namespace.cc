#include "launcher/box/kernel/mount_namespace.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <utility>

#include "launcher/box/kernel/mount_api.h"
#include "profiles/base/check.h"
#include "profiles/base/text.h"

namespace carrel::kernel {
namespace {

Result<UniqueFd> current_namespace() {
  UniqueFd fd(open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return errno_error("open /proc/self/ns/mnt");
  return fd;
}

/// The file behind `fd` by way of the mounts that this process sees.
Result<UniqueFd> open_here(int fd) {
  std::array<char, PATH_MAX> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  if (readlink(link.c_str(), path.data(), path.size() - 1) <= 0) return errno_error("readlink");
  UniqueFd again(open(path.data(), O_PATH | O_CLOEXEC | O_NOFOLLOW));
  struct stat before {};
  struct stat after {};
  if (!again.valid() || fstat(fd, &before) != 0 || fstat(again.get(), &after) != 0) {
    return errno_error("open " + quoted(path.data()) + " again");
  }
  if (before.st_dev != after.st_dev || before.st_ino != after.st_ino) {
    return Error{quoted(path.data()) + " is another file in the launcher's mount namespace",
                 ESTALE};
  }
  return again;
}

Result<MountNamespaces> leave(unsigned long propagation) {
  MountNamespaces namespaces;
  if (unshare(CLONE_NEWNS) != 0) return errno_error("make a mount namespace");
  if (mount(nullptr, "/", nullptr, MS_REC | propagation, nullptr) != 0) {
    return errno_error("keep mounts from propagating");
  }
  ASSIGN_OR_RETURN(namespaces.own, current_namespace());
  return namespaces;
}

}  // namespace

Result<MountNamespaces> leave_mount_namespace_for_good() {
  return leave(MS_SLAVE);
}

Result<MountNamespaces> leave_mount_namespace() {
  ASSIGN_OR_RETURN(UniqueFd home, current_namespace());
  ASSIGN_OR_RETURN(MountNamespaces namespaces, leave(MS_PRIVATE));
  namespaces.home = std::move(home);
  return namespaces;
}

Result<UniqueFd> open_at_home(const MountNamespaces& namespaces,
                              const std::function<Result<UniqueFd>()>& open) {
  if (!namespaces.home.valid()) return open();
  if (setns(namespaces.home.get(), CLONE_NEWNS) != 0) {
    return errno_error("setns to the caller's mount namespace");
  }
  Result<UniqueFd> opened = open();
  // Going on in the host's namespace would put this process's mounts there.
  CHECK(setns(namespaces.own.get(), CLONE_NEWNS) == 0);
  return opened;
}

Result<UniqueFd> clone_tree_from_home(const MountNamespaces& namespaces, int fd) {
  if (!namespaces.home.valid()) {
    ASSIGN_OR_RETURN(const UniqueFd here, open_here(fd));
    return clone_tree(here.get(), Tree::kOne);
  }
  return open_at_home(namespaces, [fd] { return clone_tree(fd, Tree::kOne); });
}

}  // namespace carrel::kernel
