#include "launcher/box/kernel/network.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <string>

namespace carrel::kernel {
namespace {

Status bring_loopback_up() {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return errno_error("socket for lo");
  ifreq request{};
  memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) return errno_error("bring lo up");
  return Done{};
}

}  // namespace

Result<UniqueFd> current_network() {
  UniqueFd fd(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return errno_error("open /proc/self/ns/net");
  return fd;
}

Status enter_network(int network_fd) {
  if (setns(network_fd, CLONE_NEWNET) != 0) return errno_error("setns to a network namespace");
  return Done{};
}

Status leave_network() {
  if (unshare(CLONE_NEWNET) != 0) return errno_error("make a network namespace");
  return Done{};
}

Status refuse_fast_open() {
  constexpr const char* kSetting = "/proc/sys/net/ipv4/tcp_fastopen";  // the opener's namespace
  const UniqueFd file(open(kSetting, O_WRONLY | O_CLOEXEC));
  if (!file.valid()) return errno_error(std::string("open ") + kSetting);
  if (write(file.get(), "0", 1) != 1) return errno_error(std::string("write ") + kSetting);
  return Done{};
}

Status enter_new_network() {
  RETURN_IF_ERROR(leave_network());
  return bring_loopback_up();
}

Result<UniqueFd> new_network() {
  ASSIGN_OR_RETURN(const UniqueFd home, current_network());
  if (unshare(CLONE_NEWNET) != 0) return errno_error("make a network namespace");
  Result<UniqueFd> fresh = current_network();
  const Status up = bring_loopback_up();
  RETURN_IF_ERROR(enter_network(home.get()));
  if (!up.ok()) return up.error();
  return fresh;
}

}  // namespace carrel::kernel
