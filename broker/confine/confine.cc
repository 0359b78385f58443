#include "broker/confine/confine.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "broker/confine/steps.h"

namespace carrel::confine {
namespace {

Status require_one_thread() {
  struct stat tasks {};
  // proc(5): a directory per thread. Where /proc is not there the caller's promise has to do.
  if (stat("/proc/self/task", &tasks) != 0) return Done{};
  if (tasks.st_nlink > 3) return Error{"confine: more than one thread", EBUSY};
  return Done{};
}

Status change_root(int root_fd) {
  if (fchdir(root_fd) != 0) return errno_error("fchdir to the new root");
  if (chroot(".") != 0) return errno_error("chroot");
  if (chdir("/") != 0) return errno_error("chdir /");
  return Done{};
}

bool has_setpcap() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2]{};
  if (syscall(SYS_capget, &header, sets) != 0) return false;
  return (sets[0].effective & (1U << CAP_SETPCAP)) != 0;
}

/// Stands before the change of ids, which takes CAP_SETPCAP away.
Status empty_bounding_set() {
  if (!has_setpcap()) return Done{};
  for (unsigned long capability = 0; capability < 64; ++capability) {
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    if (errno == EINVAL) break;  // past the kernel's last one
    return errno_error("drop capability from the bounding set");
  }
  return Done{};
}

Status change_ids(const Ids& ids) {
  if (setgroups(0, nullptr) != 0) return errno_error("setgroups");
  if (setresgid(ids.gid, ids.gid, ids.gid) != 0) return errno_error("setresgid");
  if (setresuid(ids.uid, ids.uid, ids.uid) != 0) return errno_error("setresuid");
  return Done{};
}

Status drop_capabilities(uint64_t keep) {
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) {
    return errno_error("clear ambient capabilities");
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct kept[2]{};
  for (int i = 0; i < 2; ++i)
    kept[i].effective = kept[i].permitted = static_cast<uint32_t>(keep >> (32 * i));
  if (syscall(SYS_capset, &header, kept) != 0) return errno_error("capset");
  return Done{};
}

Status close_the_way_back() {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno_error("no_new_privs");
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return errno_error("non-dumpable");
  const rlimit none{0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0) return errno_error("limit core dumps");
  return Done{};
}

}  // namespace

Status confine_self(const Confinement& confinement) {
  RETURN_IF_ERROR(require_one_thread());
  if (confinement.root_fd >= 0) RETURN_IF_ERROR(change_root(confinement.root_fd));
  RETURN_IF_ERROR(empty_bounding_set());
  if (confinement.ids.has_value()) RETURN_IF_ERROR(change_ids(*confinement.ids));
  RETURN_IF_ERROR(drop_capabilities(confinement.keep_capabilities));
  RETURN_IF_ERROR(close_the_way_back());
  if (confinement.landlock.has_value()) {
    RETURN_IF_ERROR(internal::restrict_paths(*confinement.landlock, confinement.tcp_connect,
                                             confinement.tcp_ports));
  }
  if (!confinement.syscalls.empty()) {
    RETURN_IF_ERROR(internal::restrict_calls(confinement.syscalls));
  }
  return Done{};
}

}  // namespace carrel::confine
