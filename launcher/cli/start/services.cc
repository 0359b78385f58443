#include "launcher/cli/start/services.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "broker/wire/client/broker_client.h"
#include "profiles/base/text.h"

namespace carrel::start {
namespace {

constexpr int kReadyMs = 60'000;  // an old launcher may take 40 s to end its sessions

bool is_answering(const StateFolder& state) {
  return client::connect_beneath(state.run.get(), "launcher.sock").ok() &&
         client::connect_beneath(state.run.get(), "broker.sock").ok();
}

/// After the second fork: descriptors 0-2 on /dev/null, 3 the state folder, 4 the ready pipe, no
/// others, an empty environment; then the launcher. Never returns.
[[noreturn]] void become_launcher(const char* program, int state_fd, int ready_fd) {
  const int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  const int high_state = fcntl(state_fd, F_DUPFD_CLOEXEC, 16);
  const int high_ready = fcntl(ready_fd, F_DUPFD_CLOEXEC, 16);
  if (null_fd < 0 || high_state < 0 || high_ready < 0) _exit(126);
  for (int fd = 0; fd < 3; ++fd) {
    if (dup2(null_fd, fd) < 0) _exit(126);
  }
  if (dup2(high_state, 3) < 0 || dup2(high_ready, 4) < 0) _exit(126);
  if (close_range(5, ~0U, 0) != 0) _exit(126);
  umask(022);
  if (chdir("/") != 0) _exit(126);
  const char* const arguments[] = {program, "--state-fd", "3", "--ready-fd", "4", nullptr};
  const char* const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", nullptr};
  // execve takes non-const arrays for historical reasons and does not write to them.
  execve(program, const_cast<char* const*>(arguments), const_cast<char* const*>(environment));
  _exit(127);
}

Status spawn_detached(const std::string& program, int state_fd, int ready_fd) {
  const pid_t child = fork();
  if (child < 0) return errno_error("fork");
  if (child == 0) {
    setsid();
    const pid_t grandchild = fork();
    if (grandchild == 0) become_launcher(program.c_str(), state_fd, ready_fd);
    _exit(grandchild < 0 ? 1 : 0);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return errno_error("wait for the launcher's starter");
  }
  if (status != 0) return Error{"start the launcher: fork failed"};
  return Done{};
}

/// Reads "ready\n", or the launcher's last words.
Status wait_ready(int ready_fd) {
  std::string text;
  while (text.find('\n') == std::string::npos && text.size() < 4096) {
    pollfd wait{ready_fd, POLLIN, 0};
    const int count = poll(&wait, 1, kReadyMs);
    if (count == 0) return Error{"the launcher did not become ready within 60 s", ETIMEDOUT};
    if (count < 0 && errno == EINTR) continue;
    std::array<char, 1024> buffer{};
    const ssize_t got = read(ready_fd, buffer.data(), buffer.size());
    if (got <= 0) break;
    text.append(buffer.data(), static_cast<size_t>(got));
  }
  if (text == "ready\n") return Done{};
  if (!text.empty() && text.back() == '\n') text.pop_back();
  if (text.empty())
    text = "the launcher ended before it was ready; see run/launcher.log in the state folder";
  return Error{quoted(text)};
}

Status take_lock(int lock_fd, int how) {
  while (flock(lock_fd, how) != 0) {
    if (errno != EINTR) return errno_error("lock run/startup.lock");
  }
  return Done{};
}

Status start_launcher(const StateFolder& state, const std::string& programs) {
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) return errno_error("pipe");
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  RETURN_IF_ERROR(
      spawn_detached(programs + "/carrel-launcher", state.directory.get(), write_end.get()));
  write_end.reset();
  return wait_ready(read_end.get());
}

/// It stays by itself: there is no lock to hold.
Result<UniqueFd> ensure_service(const StateFolder& state) {
  const auto launcher = client::connect_beneath(state.run.get(), "launcher.sock");
  if (!launcher.ok()) {
    return Error{"the service of this host does not answer in " + quoted(state.path) + " (" +
                 to_string(launcher.error()) +
                 "): ask its admin to start it (systemctl start carrel)"};
  }
  return UniqueFd();
}

}  // namespace

Result<std::string> programs_folder() {
  std::array<char, PATH_MAX> self{};
  const ssize_t length = readlink("/proc/self/exe", self.data(), self.size() - 1);
  if (length <= 0) return errno_error("readlink /proc/self/exe");
  std::string path(self.data(), static_cast<size_t>(length));
  for (int up = 0; up < 2; ++up)
    path.resize(path.rfind('/'));
  if (path.size() >= 8 && path.compare(path.size() - 8, 8, "/libexec") == 0) {
    return path + "/carrel";
  }
  return path + "/libexec/carrel";
}

Result<UniqueFd> ensure_running(const StateFolder& state, const std::string& programs) {
  if (state.service) return ensure_service(state);
  UniqueFd lock(
      openat(state.run.get(), "startup.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!lock.valid()) return errno_error("open run/startup.lock in the state folder");
  RETURN_IF_ERROR(take_lock(lock.get(), LOCK_SH));
  if (is_answering(state)) return lock;
  RETURN_IF_ERROR(take_lock(lock.get(), LOCK_EX));
  if (!is_answering(state)) RETURN_IF_ERROR(start_launcher(state, programs));
  RETURN_IF_ERROR(take_lock(lock.get(), LOCK_SH));
  return lock;
}

}  // namespace carrel::start
