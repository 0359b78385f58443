#include "launcher/box/probe/calls.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>

#include "profiles/base/unique_fd.h"

namespace carrel::probe {

int landlock_abi() {
  const long abi =
      syscall(SYS_landlock_create_ruleset, nullptr, size_t{0}, LANDLOCK_CREATE_RULESET_VERSION);
  return abi > 0 && abi < INT_MAX ? static_cast<int>(abi) : 0;
}

bool has_clone_into_cgroup() {
  // A descriptor that is no control group: a kernel with the flag answers EBADF and makes no child.
  const UniqueFd folder(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  clone_args args{};
  args.flags = CLONE_INTO_CGROUP;
  args.exit_signal = SIGCHLD;
  args.cgroup = static_cast<__u64>(folder.get());
  const long pid = syscall(SYS_clone3, &args, sizeof args);
  if (pid == 0) _exit(0);
  if (pid > 0) {
    waitpid(static_cast<pid_t>(pid), nullptr, 0);
    return false;
  }
  return errno == EBADF;
}

bool has_openat2() {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS;
  const UniqueFd folder(static_cast<int>(syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof how)));
  return folder.valid();
}

bool has_seccomp_action(uint32_t action) {
  return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

bool has_user_notify() {
  // Flags that the kernel does not know are EINVAL before it looks at the (missing) program.
  constexpr unsigned long kFlags =
      SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
  const bool known =
      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, kFlags, nullptr) != 0 && errno == EFAULT;
  return known && has_seccomp_action(SECCOMP_RET_USER_NOTIF);
}

bool has_close_range() {
  return syscall(SYS_close_range, UINT_MAX, UINT_MAX, CLOSE_RANGE_CLOEXEC) == 0;
}

bool has_pidfd() {
  const UniqueFd self(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
  return self.valid();
}

bool has_file_system(const char* type) {
  const UniqueFd context(fsopen(type, FSOPEN_CLOEXEC));
  return context.valid();
}

bool has_secret_memory() {
  const UniqueFd memory(static_cast<int>(syscall(SYS_memfd_secret, O_CLOEXEC)));
  return memory.valid();
}

bool has_admin_capability() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  if (syscall(SYS_capget, &header, data.data()) != 0) return false;
  return (data[0].effective >> CAP_SYS_ADMIN & 1) != 0;
}

}  // namespace carrel::probe
