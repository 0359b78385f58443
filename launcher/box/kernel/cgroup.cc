#include "launcher/box/kernel/cgroup.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

namespace carrel::kernel {
namespace {

Status write_at(int folder_fd, const char* name, const std::string& text) {
  const UniqueFd file(openat(folder_fd, name, O_WRONLY | O_CLOEXEC));
  if (!file.valid()) return errno_error(std::string("open ") + name);
  if (write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return errno_error(std::string("write ") + text + " to " + name);
  }
  return Done{};
}

Result<UniqueFd> make_group(const std::string& path) {
  if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return errno_error("make cgroup " + path);
  UniqueFd folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) return errno_error("open cgroup " + path);
  return folder;
}

Status remove_group(const std::string& path) {
  if (path.empty() || rmdir(path.c_str()) == 0 || errno == ENOENT) return Done{};
  return errno_error("remove cgroup " + path);
}

std::string below(const std::string& folder, const std::string& name) {
  return folder.empty() ? "" : folder + "/" + name;
}

int64_t now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace

Result<CgroupFolder> CgroupFolder::create(const CgroupRoots& roots, const std::string& name) {
  CgroupFolder folder;
  folder.folders_ = CgroupRoots{below(roots.unified, name), below(roots.memory_v1, name),
                                below(roots.pids_v1, name), roots.controllers_v2};
  ASSIGN_OR_RETURN(const UniqueFd unified, make_group(folder.folders_.unified));
  for (const std::string& path : {folder.folders_.memory_v1, folder.folders_.pids_v1}) {
    if (path.empty()) continue;
    ASSIGN_OR_RETURN(const UniqueFd group, make_group(path));
  }
  if (roots.controllers_v2) {
    RETURN_IF_ERROR(write_at(unified.get(), "cgroup.subtree_control", "+memory +pids"));
  }
  return folder;
}

void CgroupFolder::remove() {
  for (const std::string& path : {folders_.unified, folders_.memory_v1, folders_.pids_v1}) {
    if (!remove_group(path).ok()) continue;  // a group that is still used stays
  }
}

Result<CgroupLeaf> CgroupLeaf::create(const CgroupFolder& folder, const std::string& name,
                                      const CgroupCeilings& ceilings) {
  CgroupLeaf leaf;
  const CgroupRoots& roots = folder.folders();
  leaf.paths_ = CgroupRoots{below(roots.unified, name), below(roots.memory_v1, name),
                            below(roots.pids_v1, name), roots.controllers_v2};
  ASSIGN_OR_RETURN(leaf.unified_, make_group(leaf.paths_.unified));
  const std::string memory = std::to_string(ceilings.memory_bytes);
  const std::string processes = std::to_string(ceilings.processes);
  if (!leaf.paths_.memory_v1.empty()) {
    ASSIGN_OR_RETURN(const UniqueFd group, make_group(leaf.paths_.memory_v1));
    if (ceilings.memory_bytes != 0) {
      RETURN_IF_ERROR(write_at(group.get(), "memory.limit_in_bytes", memory));
    }
  }
  if (!leaf.paths_.pids_v1.empty()) {
    ASSIGN_OR_RETURN(const UniqueFd group, make_group(leaf.paths_.pids_v1));
    if (ceilings.processes != 0) RETURN_IF_ERROR(write_at(group.get(), "pids.max", processes));
  }
  if (roots.controllers_v2 && ceilings.memory_bytes != 0) {
    RETURN_IF_ERROR(write_at(leaf.unified_.get(), "memory.max", memory));
  }
  if (roots.controllers_v2 && ceilings.processes != 0) {
    RETURN_IF_ERROR(write_at(leaf.unified_.get(), "pids.max", processes));
  }
  return leaf;
}

Result<uint64_t> CgroupLeaf::id() const {
  struct stat what {};
  if (fstat(unified_.get(), &what) != 0) return errno_error("fstat cgroup");
  return static_cast<uint64_t>(what.st_ino);
}

Status CgroupLeaf::add_to_v1(pid_t pid) const {
  for (const std::string& path : {paths_.memory_v1, paths_.pids_v1}) {
    if (path.empty()) continue;
    ASSIGN_OR_RETURN(const UniqueFd group, make_group(path));
    RETURN_IF_ERROR(write_at(group.get(), "cgroup.procs", std::to_string(pid)));
  }
  return Done{};
}

Result<UniqueFd> CgroupLeaf::open_control(const char* name, int flags) const {
  UniqueFd file(openat(unified_.get(), name, flags | O_CLOEXEC));
  if (!file.valid()) return errno_error(std::string("open ") + name);
  return file;
}

Status CgroupLeaf::kill_all(int timeout_ms) const {
  RETURN_IF_ERROR(write_at(unified_.get(), "cgroup.kill", "1"));
  ASSIGN_OR_RETURN(const UniqueFd events, open_control("cgroup.events", O_RDONLY));
  const int64_t deadline = now_ms() + timeout_ms;
  while (true) {
    std::array<char, 256> text{};
    const ssize_t got = pread(events.get(), text.data(), text.size() - 1, 0);
    if (got < 0) return errno_error("read cgroup.events");
    if (std::string_view(text.data()).find("populated 0") != std::string_view::npos) return Done{};
    if (now_ms() > deadline) return Error{"the cgroup did not become empty", ETIMEDOUT};
    pollfd wait{events.get(), POLLPRI, 0};
    poll(&wait, 1, 20);
  }
}

Status CgroupLeaf::remove() {
  Status first = Done{};
  for (const std::string& path : {paths_.unified, paths_.memory_v1, paths_.pids_v1}) {
    Status removed = remove_group(path);
    if (!removed.ok() && first.ok()) first = std::move(removed);
  }
  return first;
}

}  // namespace carrel::kernel
