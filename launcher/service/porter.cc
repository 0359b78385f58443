#include "launcher/service/porter.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "launcher/service/processes.h"

namespace carrel::service {
namespace {

constexpr size_t kMaxPath = 4096;

struct Wish {
  std::string program;
  UniqueFd control;
};

/// Nothing at the end of the socket.
std::optional<Wish> hear(int socket) {
  std::array<char, kMaxPath> path{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  iovec part{path.data(), path.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t got = 0;
  do {
    got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return std::nullopt;
  Wish wish{std::string(path.data(), static_cast<size_t>(got)), UniqueFd()};
  const cmsghdr* rights = CMSG_FIRSTHDR(&message);
  if (rights != nullptr && rights->cmsg_type == SCM_RIGHTS) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(rights), sizeof fd);
    wish.control.reset(fd);
  }
  return wish;
}

[[noreturn]] void serve(int socket) {
  (void)prctl(PR_SET_NAME, "carrel-porter");
  // Nobody's terminal, nobody's descriptors; children are reaped by the kernel.
  signal(SIGCHLD, SIG_IGN);
  constexpr int kSocket = 3;
  if (socket != kSocket && dup2(socket, kSocket) < 0) _exit(1);
  if (close_range(kSocket + 1, ~0U, 0) != 0) _exit(1);
  const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  for (int fd = 0; fd < kSocket; ++fd)
    (void)dup2(null.get(), fd);
  (void)fcntl(kSocket, F_SETFD, FD_CLOEXEC);
  (void)setsid();
  (void)!chdir("/");
  while (const auto wish = hear(kSocket)) {
    if (!wish->control.valid()) continue;
    ProgramStart start;
    start.program = wish->program;
    start.fds = {wish->control.get()};
    (void)service::start_program(start).ok();
  }
  _exit(0);
}

}  // namespace

Result<Porter> Porter::start() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return errno_error("socketpair for the porter");
  }
  Porter porter;
  porter.socket_.reset(ends[0]);
  UniqueFd theirs(ends[1]);
  const pid_t pid = fork();
  if (pid < 0) return errno_error("fork the porter");
  if (pid == 0) {
    porter.socket_.reset();
    serve(theirs.get());
  }
  return porter;
}

Status Porter::start_program(const std::string& program, int control) const {
  iovec part{const_cast<char*>(program.data()), program.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof control)> room{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = room.data();
  message.msg_controllen = room.size();
  cmsghdr* rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof control);
  std::memcpy(CMSG_DATA(rights), &control, sizeof control);
  if (sendmsg(socket_.get(), &message, MSG_NOSIGNAL) >= 0) return Done{};
  return errno_error("ask the porter for a gateway");
}

}  // namespace carrel::service
