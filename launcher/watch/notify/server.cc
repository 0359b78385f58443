#include "launcher/watch/notify/server.h"

#include <linux/audit.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "launcher/watch/notify/memory.h"
#include "launcher/watch/notify/outcome.h"
#include "launcher/watch/notify/records.h"
#include "launcher/watch/sensor/wire.h"

namespace carrel::notify {
namespace {

uint64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

/// False also where it cannot be told: then it counts as one that connects.
bool is_datagram(pid_t pid, int socket_fd) {
  const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!process.valid()) return false;
  const UniqueFd copy(static_cast<int>(syscall(SYS_pidfd_getfd, process.get(), socket_fd, 0)));
  int type = 0;
  socklen_t size = sizeof type;
  return copy.valid() && getsockopt(copy.get(), SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
         type == SOCK_DGRAM;
}

bool is_internet(const std::string& address) {
  sa_family_t family = AF_UNSPEC;
  if (address.size() >= sizeof family) std::memcpy(&family, address.data(), sizeof family);
  return family == AF_INET || family == AF_INET6;
}

}  // namespace

Judgement look_at_server(const seccomp_notif& call, uint32_t channel) {
  Judgement out;
  if (call.data.arch != AUDIT_ARCH_X86_64) {  // another numbering: its connect has another number
    out.refuse_with = ENOSYS;
    return out;
  }
  if (call.data.nr != SYS_connect) return out;
  const auto pid = static_cast<pid_t>(call.pid);
  const auto size = static_cast<uint32_t>(call.data.args[2]);
  if (size > CARREL_ADDRESS_MAX) {  // as the kernel says
    out.refuse_with = EINVAL;
    return out;
  }
  const Copied address = Memory(pid).exactly(call.data.args[1], size);
  if (address.error == 0 && !is_internet(address.bytes)) return out;
  if (is_datagram(pid, static_cast<int>(call.data.args[0]))) return out;
  Stamp stamp;
  stamp.tgid = stamp.tid = call.pid;
  stamp.time_ns = now_ns();
  if (address.error != 0) out.refuse_with = EACCES;
  stamp.error = address.error != 0 ? EACCES : outcome_of_connect(address.bytes);
  out.records.push_back(connect_record(stamp, address.bytes, channel));
  return out;
}

}  // namespace carrel::notify
