#include "launcher/watch/notify/listener.h"

#include <sys/ioctl.h>

#include <cerrno>

// Debian 12's header ends before Linux 6.6.
#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif

namespace carrel::notify {

Listener::Listener(UniqueFd fd) : fd_(std::move(fd)) {
  // Older kernels answer EINVAL and wake us up as they always did.
  (void)ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
}

Result<std::optional<seccomp_notif>> Listener::receive() {
  seccomp_notif call{};
  if (ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_RECV, &call) == 0) return std::optional(call);
  if (errno == ENOENT || errno == EINTR) return std::optional<seccomp_notif>{};
  return errno_error("receive from the filter's listener");
}

bool Listener::waits(uint64_t id) const {
  return ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

Status Listener::let_through(uint64_t id) {
  seccomp_notif_resp response{};
  response.id = id;
  response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  return answer(response);
}

Status Listener::refuse(uint64_t id, int error) {
  seccomp_notif_resp response{};
  response.id = id;
  response.error = -error;
  return answer(response);
}

Status Listener::answer(const seccomp_notif_resp& response) {
  seccomp_notif_resp copy = response;
  if (ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_SEND, &copy) == 0 || errno == ENOENT) return Done{};
  return errno_error("answer the filter's listener");
}

}  // namespace carrel::notify
