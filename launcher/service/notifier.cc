#include "launcher/service/notifier.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <utility>

#include "launcher/service/processes.h"
#include "launcher/watch/sensor/wire.h"

namespace carrel::service {
namespace {

constexpr int kPipeBytes = 1 << 20;  // what an ordinary user may ask for (pipe(7))

Result<UniqueFd> new_counters() {
  UniqueFd memory(memfd_create("carrel-counters", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory.valid()) return errno_error("memfd_create for the sensor's counters");
  if (ftruncate(memory.get(), sizeof(carrel_counters)) != 0 ||
      fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return errno_error("size the sensor's counters");
  }
  return memory;
}

/// Two ends of a socket that keeps messages apart.
struct Ends {
  UniqueFd ours, theirs;
};

Result<Ends> new_ends() {
  std::array<int, 2> sockets{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets.data()) != 0) {
    return errno_error("socketpair for the sensor");
  }
  return Ends{UniqueFd(sockets[0]), UniqueFd(sockets[1])};
}

}  // namespace

Result<Notifier> Notifier::start(const std::string& program) {
  Notifier notifier;
  ASSIGN_OR_RETURN(Ends brings, new_ends());
  notifier.listener_ = std::move(brings.ours);
  ASSIGN_OR_RETURN(Ends channels, new_ends());
  notifier.channels_ = std::move(channels.ours);
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return errno_error("pipe for the sensor");
  notifier.records_.reset(ends[0]);
  const UniqueFd writes(ends[1]);
  // A smaller pipe makes the workspace wait more often, and loses nothing.
  (void)fcntl(writes.get(), F_SETPIPE_SZ, kPipeBytes);
  ASSIGN_OR_RETURN(notifier.counters_, new_counters());
  ProgramStart start;
  start.program = program;
  start.fds = {brings.theirs.get(), writes.get(), notifier.counters_.get(), channels.theirs.get()};
  ASSIGN_OR_RETURN(notifier.pid_, start_program(start));
  return notifier;
}

Status Notifier::watch_channel(uint32_t channel, int listener_fd) const {
  iovec part{&channel, sizeof channel};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof listener_fd)> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof listener_fd);
  std::memcpy(CMSG_DATA(rights), &listener_fd, sizeof listener_fd);
  if (sendmsg(channels_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return Done{};
  return errno_error("hand a channel's listener to the sensor");
}

void Notifier::let_go_of_records() {
  records_.reset();
  counters_.reset();
}

void Notifier::reap(int timeout_ms) {
  listener_.reset();
  records_.reset();
  channels_.reset();
  if (pid_ > 0) wait_or_kill(pid_, timeout_ms);
  pid_ = -1;
}

}  // namespace carrel::service
