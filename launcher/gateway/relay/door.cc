#include "launcher/gateway/relay/door.h"

#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>

namespace carrel::gateway {
namespace {

void take_one(int listener, Taken& taken) {
  socklen_t size = sizeof taken.client;
  taken.socket.reset(accept4(listener, reinterpret_cast<sockaddr*>(&taken.client), &size,
                             SOCK_CLOEXEC | SOCK_NONBLOCK));
}

}  // namespace

void Door::keep_one() {
  if (!kept_.valid()) kept_.reset(eventfd(0, EFD_CLOEXEC));
}

Taken Door::take(int listener) {
  keep_one();
  Taken taken;
  take_one(listener, taken);
  const bool none_left = !taken.socket.valid() && (errno == EMFILE || errno == ENFILE);
  if (!none_left || !kept_.valid()) return taken;
  kept_.reset();
  taken.fits = false;
  take_one(listener, taken);
  const int number = errno;
  if (!taken.socket.valid()) keep_one();  // none waited: the kernel looks for a descriptor first
  errno = number;
  return taken;
}

}  // namespace carrel::gateway
