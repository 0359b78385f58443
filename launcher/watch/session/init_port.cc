#include "launcher/watch/session/init_port.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

namespace carrel::session {
namespace {

constexpr size_t kMaxFds = 4;  // one is expected; what is too many is closed

std::vector<UniqueFd> take_fds(msghdr& header) {
  std::vector<UniqueFd> fds;
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
      fds.emplace_back(fd);
    }
  }
  return fds;
}

}  // namespace

Result<std::optional<InitPort::Received>> InitPort::receive() {
  Received received;
  iovec part{&received.record, sizeof received.record};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxFds)> control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t got = recvmsg(socket_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return std::optional<Received>{};
  if (got < 0) return errno_error("receive from carrel-init");
  std::vector<UniqueFd> fds = take_fds(header);
  if (got == 0) return Error{"carrel-init has closed its socket", ECONNRESET};
  const bool whole = got == sizeof received.record &&
                     (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 && fds.size() <= 1;
  const bool is_pty = received.record.type == init::RecordType::kPty;
  if (!whole || is_pty != (fds.size() == 1)) {
    return Error{"carrel-init sent what is no record", EPROTO};
  }
  if (is_pty) received.fd = std::move(fds.front());
  return std::optional<Received>(std::move(received));
}

void InitPort::signal(int number) {
  if (!socket_.valid()) return;
  const init::Record record{init::RecordType::kSignal, number, 0, 0};
  if (send(socket_.get(), &record, sizeof record, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return;
}

}  // namespace carrel::session
