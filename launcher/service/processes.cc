#include "launcher/service/processes.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "profiles/base/unique_fd.h"

namespace carrel::service {
namespace {

constexpr int kFirstFd = 3;
constexpr int kMaxFds = 16;

/// In the child: nothing here allocates. Never returns.
[[noreturn]] void become(const ProgramStart& start, char* const* argv, int null_fd) {
  const int count = static_cast<int>(start.fds.size());
  // Twice, so that no descriptor is overwritten before it has been moved: first to numbers that are
  // free and above all that will be written to.
  std::array<int, kMaxFds + 1> lifted{};
  for (int i = 0; i <= count; ++i) {
    const int from = i < count ? start.fds[static_cast<size_t>(i)] : null_fd;
    lifted[static_cast<size_t>(i)] = fcntl(from, F_DUPFD_CLOEXEC, kFirstFd + kMaxFds);
    if (lifted[static_cast<size_t>(i)] < 0) _exit(126);
  }
  for (int fd = 0; fd < kFirstFd; ++fd) {
    if (dup2(lifted[static_cast<size_t>(count)], fd) < 0) _exit(126);
  }
  for (int i = 0; i < count; ++i) {
    if (dup2(lifted[static_cast<size_t>(i)], kFirstFd + i) < 0) _exit(126);
  }
  if (close_range(static_cast<unsigned>(kFirstFd + count), ~0U, 0) != 0) _exit(126);
  sigset_t none{};
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGCHLD, SIGPIPE, SIGTERM})
    ::signal(number, SIG_DFL);
  const rlimit processes{start.max_processes, start.max_processes};
  if (start.max_processes != 0 && setrlimit(RLIMIT_NPROC, &processes) != 0) _exit(126);
  if (start.uid != 0 &&
      (setgroups(0, nullptr) != 0 || setresgid(start.uid, start.uid, start.uid) != 0 ||
       setresuid(start.uid, start.uid, start.uid) != 0)) {
    _exit(126);
  }
  const char* const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", nullptr};
  // execve takes non-const arrays for historical reasons and does not write to them.
  execve(argv[0], argv, const_cast<char* const*>(environment));
  _exit(127);
}

bool ends_within(const UniqueFd& process, int timeout_ms) {
  pollfd look{process.get(), POLLIN, 0};
  int ended = poll(&look, 1, timeout_ms);
  while (ended < 0 && errno == EINTR)
    ended = poll(&look, 1, timeout_ms);
  return ended > 0;
}

}  // namespace

Result<pid_t> start_program(const ProgramStart& start) {
  if (start.fds.size() > kMaxFds) return Error{"too many descriptors for " + start.program};
  std::vector<char*> argv;
  argv.push_back(const_cast<char*>(start.program.c_str()));
  for (const std::string& word : start.arguments)
    argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.valid()) return errno_error("open /dev/null");
  const pid_t pid = fork();
  if (pid < 0) return errno_error("fork for " + start.program);
  if (pid == 0) become(start, argv.data(), null.get());
  return pid;
}

Result<UniqueFd> process_fd(pid_t pid) {
  UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!process.valid()) return errno_error("pidfd_open");
  return process;
}

bool end_process(const UniqueFd& process, int timeout_ms, int killed_ms) {
  bool ended = ends_within(process, timeout_ms);
  if (!ended) {
    (void)syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
    ended = ends_within(process, killed_ms);
  }
  siginfo_t info{};
  // Somebody else's child is theirs to reap (ECHILD).
  (void)waitid(P_PIDFD, static_cast<id_t>(process.get()), &info, WEXITED | WNOHANG);
  return ended;
}

bool wait_or_kill(pid_t pid, int timeout_ms) {
  const auto process = process_fd(pid);
  if (process.ok()) {
    pollfd look{process.value().get(), POLLIN, 0};
    while (poll(&look, 1, timeout_ms) < 0 && errno == EINTR) {
    }
  }
  const pid_t ended = waitpid(pid, nullptr, WNOHANG);
  if (ended == pid || (ended < 0 && errno == ECHILD)) return true;
  kill(pid, SIGKILL);
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return false;
}

}  // namespace carrel::service
