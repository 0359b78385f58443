#include "launcher/watch/notify/socket.h"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "profiles/base/unique_fd.h"

namespace carrel::notify {
namespace {

constexpr unsigned kPidfdThread = O_EXCL;  // PIDFD_THREAD, Linux 6.9

UniqueFd pidfd(uint32_t pid, unsigned flags) {
  return UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, static_cast<pid_t>(pid), flags)));
}

/// Whose table of descriptors is the thread's: threads need not share one.
UniqueFd holder(uint32_t tgid, uint32_t tid) {
  if (tid == tgid) return pidfd(tgid, 0);
  UniqueFd thread = pidfd(tid, kPidfdThread);
  if (thread.valid() || errno != EINVAL) return thread;
  if (syscall(SYS_kcmp, tgid, tid, KCMP_FILES, 0, 0) != 0) return {};
  return pidfd(tgid, 0);
}

int option(int socket_fd, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  return getsockopt(socket_fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

}  // namespace

uint64_t cookie_of(uint32_t tgid, uint32_t tid, int fd) {
  const UniqueFd process = holder(tgid, tid);
  if (!process.valid()) return 0;
  const UniqueFd copy(static_cast<int>(syscall(SYS_pidfd_getfd, process.get(), fd, 0)));
  if (!copy.valid() || option(copy.get(), SO_PROTOCOL) != IPPROTO_TCP) return 0;
  uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  const int got = getsockopt(copy.get(), SOL_SOCKET, SO_COOKIE, &cookie, &size);
  return got == 0 && size == sizeof cookie ? cookie : 0;
}

}  // namespace carrel::notify
