#include "launcher/service/porter.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "launcher/service/processes.h"

namespace carrel::service {
namespace {

constexpr size_t kMaxPath = 4096;
constexpr const char* kNone = "none";  // runs, of what was to be started

/// One message between launcher and porter.
struct Said {
  std::string text;
  std::array<UniqueFd, 2> fds;
};

/// Nothing at the end of the socket.
std::optional<Said> hear(int socket) {
  std::array<char, kMaxPath> text{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> control{};
  iovec part{text.data(), text.size()};
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
  Said said{std::string(text.data(), static_cast<size_t>(got)), {}};
  const cmsghdr* rights = CMSG_FIRSTHDR(&message);
  if (rights == nullptr || rights->cmsg_type != SCM_RIGHTS) return said;
  const size_t count = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (size_t i = 0; i < count && i < said.fds.size(); ++i) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(rights) + i * sizeof fd, sizeof fd);
    said.fds[i].reset(fd);
  }
  return said;
}

/// At most two descriptors, borrowed.
Status say(int socket, const std::string& text, const std::vector<int>& fds) {
  iovec part{const_cast<char*>(text.data()), text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> room{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = room.data();
    message.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    std::memcpy(CMSG_DATA(rights), fds.data(), fds.size() * sizeof(int));
  }
  if (sendmsg(socket, &message, MSG_NOSIGNAL) >= 0) return Done{};
  return errno_error("speak between launcher and porter");
}

/// And says which process it is.
void carry_out(const Said& wish) {
  const auto& [control, answer] = wish.fds;
  if (!answer.valid()) return;
  ProgramStart start;
  start.program = wish.text;
  start.fds = {control.get()};
  const Result<pid_t> pid = control.valid() ? service::start_program(start)
                                            : Result<pid_t>(Error{"no descriptor for it came"});
  const Result<UniqueFd> process =
      pid.ok() ? process_fd(pid.value()) : Result<UniqueFd>(Error{"none was started", ESRCH});
  if (process.ok()) return (void)say(answer.get(), "process", {process.value().get()}).ok();
  // One that has ended is reaped by the kernel at once.
  if (process.error().sys_errno == ESRCH) (void)say(answer.get(), kNone, {}).ok();
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
  while (const auto wish = hear(kSocket))
    carry_out(*wish);
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

Result<UniqueFd> Porter::start_program(const std::string& program, int control) const {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return errno_error("socketpair for the porter's answer");
  }
  UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  RETURN_IF_ERROR(say(socket_.get(), program, {control, theirs.get()}));
  return ours;
}

Result<UniqueFd> Porter::hear_process(const UniqueFd& socket, int timeout_ms) {
  pollfd look{socket.get(), POLLIN, 0};
  if (poll(&look, 1, timeout_ms) <= 0) return Error{"the porter does not answer", ETIMEDOUT};
  auto said = hear(socket.get());
  if (!said.has_value()) return Error{"the porter has ended", EPIPE};
  if (said->text == kNone) return Error{"it has ended already", ESRCH};
  if (!said->fds[0].valid()) return Error{"there is no descriptor left for it", EMFILE};
  return std::move(said->fds[0]);
}

}  // namespace carrel::service
