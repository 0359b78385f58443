#include "launcher/box/kernel/cgroup_delegation.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <sstream>
#include <vector>

#include "profiles/base/unique_fd.h"

namespace carrel::kernel {
namespace {

constexpr int kRounds = 20;

Status write_to(const std::string& path, const std::string& text) {
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.valid()) return errno_error("open " + path);
  if (write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return errno_error("write " + text + " to " + path);
  }
  return Done{};
}

/// The first of them, as many as a page has room for; 0 is one of another pid namespace.
Result<std::vector<std::string>> processes_of(const std::string& group) {
  const std::string path = group + "/cgroup.procs";
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return errno_error("open " + path);
  std::array<char, 4096> text{};
  const ssize_t got = read(file.get(), text.data(), text.size());
  if (got < 0) return errno_error("read " + path);
  std::istringstream lines(std::string(text.data(), static_cast<size_t>(got)));
  std::vector<std::string> pids;
  for (std::string line; std::getline(lines, line) && !lines.eof();)
    pids.push_back(line);
  return pids;
}

/// One that has ended meanwhile is fine.
Status move_all(const std::string& from, const std::string& to) {
  for (int round = 0; round < kRounds; ++round) {
    ASSIGN_OR_RETURN(const std::vector<std::string> pids, processes_of(from));
    if (pids.empty()) return Done{};
    for (const std::string& pid : pids) {
      Status moved = write_to(to + "/cgroup.procs", pid);
      if (!moved.ok() && moved.error().sys_errno != ESRCH) return moved;
    }
  }
  return Error{"processes come to " + from + " as fast as they are moved", EBUSY};
}

std::string with_sign(char sign, const std::string& names) {
  std::istringstream words(names);
  std::string text;
  for (std::string name; words >> name;)
    text += (text.empty() ? "" : " ") + (sign + name);
  return text;
}

}  // namespace

Status hand_on(const std::string& path, const std::string& leaf, const std::string& controllers) {
  const std::string below = path + "/" + leaf;
  if (mkdir(below.c_str(), 0755) != 0 && errno != EEXIST) return errno_error("make " + below);
  Status done = move_all(path, below);
  if (done.ok()) done = write_to(path + "/cgroup.subtree_control", with_sign('+', controllers));
  if (!done.ok()) take_back(path, leaf, controllers);
  return done;
}

void take_back(const std::string& path, const std::string& leaf, const std::string& controllers) {
  const std::string below = path + "/" + leaf;
  if (!write_to(path + "/cgroup.subtree_control", with_sign('-', controllers)).ok()) return;
  if (move_all(below, path).ok()) rmdir(below.c_str());
}

}  // namespace carrel::kernel
