#include "launcher/watch/session/init_port.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

namespace carrel::session {
namespace {

constexpr size_t kMaxFds = 4;  // one is expected; what is too many is closed

/// SCM_CREDENTIALS, where the launcher has asked for it (SO_PASSCRED, unix(7)).
uint32_t sender_of(msghdr& header) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS) continue;
    ucred sender{};
    if (c->cmsg_len != CMSG_LEN(sizeof sender)) continue;
    memcpy(&sender, CMSG_DATA(c), sizeof sender);
    return static_cast<uint32_t>(sender.pid);
  }
  return 0;
}

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
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxFds) + CMSG_SPACE(sizeof(ucred))>
      control{};
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
  received.pid = sender_of(header);
  return std::optional<Received>(std::move(received));
}

Status InitPort::spawn(int32_t channel, bool terminal, const std::vector<std::string>& words,
                       const std::vector<std::string>& environment,
                       const std::vector<UniqueFd>& fds) {
  init::Spawn head{};
  head.record = {init::RecordType::kSpawn, terminal ? init::kSpawnTerminal : 0, 0, channel};
  head.argument_count = static_cast<uint32_t>(words.size());
  head.environment_count = static_cast<uint32_t>(environment.size());
  std::string packet(reinterpret_cast<const char*>(&head), sizeof head);
  for (const auto* list : {&words, &environment}) {
    for (const std::string& word : *list)
      packet.append(word.c_str(), word.size() + 1);
  }
  if (packet.size() > init::kMaxSpawnBytes || words.size() > init::kMaxStrings) {
    return Error{"the command is longer than an attached one may be (64 KiB)", E2BIG};
  }
  iovec part{packet.data(), packet.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 3)> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    std::array<int, 3> numbers{fds[0].get(), fds[1].get(), fds[2].get()};
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof numbers);
    memcpy(CMSG_DATA(rights), numbers.data(), sizeof numbers);
  }
  const ssize_t sent = sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent != static_cast<ssize_t>(packet.size())) return errno_error("ask carrel-init");
  return Done{};
}

void InitPort::signal(int number, int32_t channel) {
  if (!socket_.valid()) return;
  const init::Record record{init::RecordType::kSignal, number, 0, channel};
  if (send(socket_.get(), &record, sizeof record, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return;
}

}  // namespace carrel::session
