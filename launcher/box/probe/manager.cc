#include "launcher/box/probe/manager.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "launcher/box/probe/cgroup_layout.h"
#include "launcher/box/probe/cgroups.h"
#include "launcher/box/probe/files.h"
#include "profiles/base/unique_fd.h"

namespace carrel::probe {
namespace {

constexpr const char* kSystemctl = "/usr/bin/systemctl";
constexpr int kAskMs = 2'000;

int64_t now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

/// What the program prints until it ends, at most a line's worth and two seconds.
std::string read_answer(int fd) {
  std::string text;
  const int64_t deadline = now_ms() + kAskMs;
  while (text.size() < 64) {
    pollfd wait{fd, POLLIN, 0};
    const int64_t left = deadline - now_ms();
    if (left <= 0 || poll(&wait, 1, static_cast<int>(left)) <= 0) break;
    std::array<char, 64> part{};
    const ssize_t got = read(fd, part.data(), part.size());
    if (got <= 0) break;
    text.append(part.data(), static_cast<size_t>(got));
  }
  return text;
}

std::string ask(const std::string& unit) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return "";
  const UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  posix_spawn_file_actions_t files{};
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, theirs.get(), 1);
  posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
  std::array<std::string, 7> words = {kSystemctl, "--user", "show", "-P", "Delegate", "--", unit};
  std::array<char*, 8> arguments{};
  for (size_t i = 0; i < words.size(); ++i)
    arguments.at(i) = words.at(i).data();
  std::string runtime = "XDG_RUNTIME_DIR=/run/user/" + std::to_string(geteuid());
  std::string locale = "LC_ALL=C";
  std::array<char*, 3> environment = {runtime.data(), locale.data(), nullptr};
  pid_t pid = -1;
  const int failed =
      posix_spawn(&pid, kSystemctl, &files, nullptr, arguments.data(), environment.data());
  posix_spawn_file_actions_destroy(&files);
  if (failed != 0) return "";
  theirs.reset();
  std::string answer = read_answer(ours.get());
  kill(pid, SIGKILL);  // it has answered, or will not
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return answer;
}

}  // namespace

std::string unit_of_group(std::string_view group, uid_t uid) {
  const std::string manager = "/user@" + std::to_string(uid) + ".service/";
  if (group.find(manager) == std::string_view::npos) return "";
  const std::string_view unit = group.substr(group.rfind('/') + 1);
  return unit.ends_with(".scope") || unit.ends_with(".service") ? std::string(unit) : "";
}

bool manager_delegates() {
  const plan::CgroupFacts facts =
      parse_cgroups(read_bounded("/proc/self/mountinfo"), read_bounded("/proc/self/cgroup"));
  const std::string own = without_leaf(facts.own);
  if (facts.unified.empty() || !is_for_the_manager_to_say(facts.unified + own)) return false;
  const std::string unit = unit_of_group(own, geteuid());
  return !unit.empty() && ask(unit) == "yes\n";
}

}  // namespace carrel::probe
