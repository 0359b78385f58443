#include "launcher/box/probe/way_out.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>

#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::probe {
namespace {

constexpr int kNotRun = 127;
constexpr size_t kMostSaid = 1000;

[[noreturn]] void run_check(const std::string& program, int out) {
  const int nothing = open("/dev/null", O_RDWR);
  (void)!dup2(nothing, 0);
  (void)!dup2(out, 1);
  (void)!dup2(nothing, 2);
  execl(program.c_str(), "carrel-network", "check", nullptr);
  _exit(kNotRun);
}

/// What is said until the end, or until the time is over: then nothing.
bool read_all(int fd, int patience_ms, std::string& said) {
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + std::chrono::milliseconds(patience_ms);
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd wait{fd, POLLIN, 0};
    if (left <= 0 || poll(&wait, 1, static_cast<int>(left)) == 0) return false;
    std::array<char, 512> part{};
    const ssize_t got = read(fd, part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    if (said.size() < kMostSaid) said.append(part.data(), static_cast<size_t>(got));
  }
}

}  // namespace

WayOutFacts way_out_of(int status, const std::string& said) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    return {true, "routes, packet filter and transparent sockets could be made", ""};
  }
  const std::string line = said.substr(0, said.find('\n'));
  const bool unsaid = line.empty();
  return {false, unsaid ? "carrel-network did not say what failed" : line,
          unsaid
              ? "install all of Carrel's programs"
              : "a kernel with nf_tables, its tproxy, socket and log expressions, policy routing "
                "and namespaces that may be made (Debian's own has them)"};
}

WayOutFacts try_way_out(const std::string& program, int patience_ms) {
  int pair[2] = {-1, -1};
  if (pipe2(pair, O_CLOEXEC) != 0) return way_out_of(-1, "pipe: " + errno_name(errno));
  const UniqueFd ours(pair[0]);
  UniqueFd theirs(pair[1]);
  const pid_t child = fork();
  if (child < 0) return way_out_of(-1, "fork: " + errno_name(errno));
  if (child == 0) run_check(program, theirs.get());
  theirs.reset();
  std::string said;
  const bool in_time = read_all(ours.get(), patience_ms, said);
  if (!in_time) (void)kill(child, SIGKILL);
  int status = -1;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return way_out_of(status, in_time ? said : "the check did not end in time");
}

}  // namespace carrel::probe
