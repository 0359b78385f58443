#include "launcher/box/kernel/cgroup_delegation.h"

#include <fcntl.h>
#include <sys/file.h>
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
      if (pid == "0") return Error{"a process of another pid namespace is in " + from, EXDEV};
      Status moved = write_to(to + "/cgroup.procs", pid);
      if (!moved.ok() && moved.error().sys_errno != ESRCH) return moved;
    }
  }
  return Error{"processes come to " + from + " as fast as they are moved", EBUSY};
}

/// One by one: a controller may be refused for itself (cpu, while there are real-time tasks).
HandedOn switch_on(const std::string& path, const std::string& names) {
  std::istringstream words(names);
  HandedOn handed;
  for (std::string name; words >> name;) {
    const Status done = write_to(path + "/cgroup.subtree_control", "+" + name);
    std::string& list = done.ok() ? handed.controllers : handed.refused;
    list += (list.empty() ? ""
             : done.ok()  ? " "
                          : "; ") +
            (done.ok() ? name : to_string(done.error()));
  }
  return handed;
}

bool switch_off(const std::string& path, const std::string& names) {
  std::istringstream words(names);
  bool all = true;
  for (std::string name; words >> name;)
    all = write_to(path + "/cgroup.subtree_control", "-" + name).ok() && all;
  return all;
}

/// Refused by the kernel (EBUSY) while the group hands on anything.
void put_back(const std::string& path, const std::string& leaf) {
  const std::string below = path + "/" + leaf;
  if (move_all(below, path).ok()) rmdir(below.c_str());
}

}  // namespace

Result<UniqueFd> lock_group(const std::string& path) {
  UniqueFd folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) return errno_error("open " + path);
  while (flock(folder.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return errno_error("lock " + path);
  }
  return folder;
}

Result<HandedOn> hand_on(const std::string& path, const std::string& leaf,
                         const std::string& controllers) {
  const std::string below = path + "/" + leaf;
  if (mkdir(below.c_str(), 0755) != 0 && errno != EEXIST) return errno_error("make " + below);
  const Status moved = move_all(path, below);
  HandedOn handed = moved.ok() ? switch_on(path, controllers) : HandedOn{};
  if (!handed.controllers.empty()) return handed;
  put_back(path, leaf);
  return moved.ok() ? Error{handed.refused, ENOTSUP} : moved.error();
}

void take_back(const std::string& path, const std::string& leaf, const std::string& controllers) {
  if (switch_off(path, controllers)) put_back(path, leaf);
}

}  // namespace carrel::kernel
