#include "launcher/box/kernel/cgroup.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
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

/// The kernel has no such file: not compiled in, or not asked for at boot.
bool is_absent(const Status& status) {
  return !status.ok() && status.error().sys_errno == ENOENT;
}

std::string below(const std::string& folder, const std::string& name) {
  return folder.empty() ? "" : folder + "/" + name;
}

bool has_line_word(const std::string& path, std::string_view word) {
  std::ifstream file(path);
  for (std::string each; file >> each;) {
    if (each == word) return true;
  }
  return false;
}

/// Has `group` give a controller to the groups below it, where it does not yet: systemd does that
/// only for controllers that one of its own units uses. Best effort: what the kernel keeps cannot
/// be handed further on either.
void hand_on(const std::string& group, const std::string& controller) {
  const std::string path = group + "/cgroup.subtree_control";
  if (has_line_word(path, controller)) return;
  const UniqueFd folder(open(group.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  (void)write_at(folder.get(), "cgroup.subtree_control", "+" + controller).ok();
}

CgroupRoots roots_below(const CgroupRoots& roots, const std::string& name) {
  CgroupRoots made = roots;
  for (std::string* path : {&made.unified, &made.memory_v1, &made.pids_v1, &made.cpu_v1})
    *path = below(*path, name);
  return made;
}

int64_t now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace

Result<CgroupFolder> CgroupFolder::create(const CgroupRoots& roots, const std::string& name) {
  CgroupFolder folder;
  folder.folders_ = roots_below(roots, name);
  ASSIGN_OR_RETURN(const UniqueFd unified, make_group(folder.folders_.unified));
  for (const std::string& path :
       {folder.folders_.memory_v1, folder.folders_.pids_v1, folder.folders_.cpu_v1}) {
    if (path.empty()) continue;
    ASSIGN_OR_RETURN(const UniqueFd group, make_group(path));
  }
  if (roots.memory_v2 && roots.memory_v1.empty()) hand_on(roots.unified, "memory");
  if (roots.pids_v2 && roots.pids_v1.empty()) hand_on(roots.unified, "pids");
  std::string wanted = roots.memory_v2 && roots.memory_v1.empty() ? "+memory" : "";
  if (roots.pids_v2 && roots.pids_v1.empty()) wanted += wanted.empty() ? "+pids" : " +pids";
  if (!wanted.empty()) {
    RETURN_IF_ERROR(write_at(unified.get(), "cgroup.subtree_control", wanted));
  }
  if (roots.cpu_v2) {
    hand_on(roots.unified, "cpu");
    folder.folders_.cpu_v2 = write_at(unified.get(), "cgroup.subtree_control", "+cpu").ok();
  }
  return folder;
}

void CgroupFolder::remove() {
  for (const std::string& path :
       {folders_.unified, folders_.memory_v1, folders_.pids_v1, folders_.cpu_v1}) {
    if (!remove_group(path).ok()) continue;  // a group that is still used stays
  }
}

Result<CgroupLeaf> CgroupLeaf::create(const CgroupFolder& folder, const std::string& name,
                                      const CgroupCeilings& ceilings) {
  CgroupLeaf leaf;
  leaf.paths_ = roots_below(folder.folders(), name);
  leaf.ceilings_ = ceilings;
  ASSIGN_OR_RETURN(leaf.unified_, make_group(leaf.paths_.unified));
  for (const std::string& path : leaf.v1_paths()) {
    ASSIGN_OR_RETURN(const UniqueFd group, make_group(path));
  }
  Status set = leaf.set_ceilings();
  if (set.ok()) return leaf;
  (void)leaf.remove().ok();  // or the launcher's folder could not be removed
  return set.take_error();
}

Status CgroupLeaf::set_ceilings() const {
  if (ceilings_.memory_bytes != 0) RETURN_IF_ERROR(set_memory(ceilings_.memory_bytes));
  if (ceilings_.processes != 0) RETURN_IF_ERROR(set_processes(ceilings_.processes));
  if (ceilings_.cpu_milli != 0) RETURN_IF_ERROR(set_cpu(ceilings_.cpu_milli));
  return Done{};
}

/// The v1 groups that this leaf uses: joining one takes time, so that of the processor only where
/// it is limited.
std::vector<std::string> CgroupLeaf::v1_paths() const {
  std::vector<std::string> paths;
  for (const std::string& path : {paths_.memory_v1, paths_.pids_v1}) {
    if (!path.empty()) paths.push_back(path);
  }
  if (!paths_.cpu_v1.empty() && ceilings_.cpu_milli != 0) paths.push_back(paths_.cpu_v1);
  return paths;
}

/// No byte more by swapping: in v1 the ceiling of memory and swap together is the one of memory
/// (set after it, since it is never the lower one), in v2 swap has its own.
Status CgroupLeaf::set_memory(uint64_t bytes) const {
  const std::string text = std::to_string(bytes);
  Status swap = Done{};
  if (paths_.memory_v1.empty()) {
    if (!paths_.memory_v2) return Error{"no memory controller", ENOTSUP};
    RETURN_IF_ERROR(write_at(unified_.get(), "memory.max", text));
    swap = write_at(unified_.get(), "memory.swap.max", "0");
  } else {
    ASSIGN_OR_RETURN(const UniqueFd group, make_group(paths_.memory_v1));
    RETURN_IF_ERROR(write_at(group.get(), "memory.limit_in_bytes", text));
    swap = write_at(group.get(), "memory.memsw.limit_in_bytes", text);
  }
  return is_absent(swap) && !paths_.swap_counted ? Status(Done{}) : std::move(swap);
}

Status CgroupLeaf::set_processes(uint64_t processes) const {
  const std::string text = std::to_string(processes);
  if (paths_.pids_v1.empty()) {
    if (!paths_.pids_v2) return Error{"no pids controller", ENOTSUP};
    return write_at(unified_.get(), "pids.max", text);
  }
  ASSIGN_OR_RETURN(const UniqueFd group, make_group(paths_.pids_v1));
  return write_at(group.get(), "pids.max", text);
}

/// In periods of 100 ms, the kernel's own default.
Status CgroupLeaf::set_cpu(uint64_t milli) const {
  constexpr uint64_t kPeriodUs = 100'000;
  const std::string quota = std::to_string(milli * (kPeriodUs / 1000));
  if (paths_.cpu_v1.empty()) {
    if (!paths_.cpu_v2) return Error{"no cpu controller", ENOTSUP};
    return write_at(unified_.get(), "cpu.max", quota + " " + std::to_string(kPeriodUs));
  }
  ASSIGN_OR_RETURN(const UniqueFd group, make_group(paths_.cpu_v1));
  RETURN_IF_ERROR(write_at(group.get(), "cpu.cfs_period_us", std::to_string(kPeriodUs)));
  return write_at(group.get(), "cpu.cfs_quota_us", quota);
}

Result<LimitFiles> CgroupLeaf::open_limit_files() const {
  LimitFiles files;
  const auto open_in = [this](const std::string& v1, const char* name_v1, const char* name_v2,
                              UniqueFd& to) -> Status {
    const std::string path = v1.empty() ? paths_.unified + "/" + name_v2 : v1 + "/" + name_v1;
    to.reset(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    return to.valid() ? Status(Done{}) : Status(errno_error("open " + path));
  };
  if (ceilings_.memory_bytes != 0) {
    const std::string& v1 = paths_.memory_v1;
    RETURN_IF_ERROR(open_in(v1, "memory.oom_control", "memory.events", files.memory));
    RETURN_IF_ERROR(open_in(v1, "memory.usage_in_bytes", "memory.current", files.memory_used));
  }
  if (ceilings_.processes != 0) {
    const std::string& v1 = paths_.pids_v1;
    RETURN_IF_ERROR(open_in(v1, "pids.events", "pids.events", files.processes));
    RETURN_IF_ERROR(open_in(v1, "pids.current", "pids.current", files.processes_used));
  }
  if (ceilings_.cpu_milli != 0) {
    RETURN_IF_ERROR(open_in(paths_.cpu_v1, "cpu.stat", "cpu.stat", files.cpu));
  }
  return files;
}

Result<uint64_t> CgroupLeaf::id() const {
  struct stat what {};
  if (fstat(unified_.get(), &what) != 0) return errno_error("fstat cgroup");
  return static_cast<uint64_t>(what.st_ino);
}

Status CgroupLeaf::add_to_v1(pid_t pid) const {
  for (const std::string& path : v1_paths()) {
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
  for (const std::string& path :
       {paths_.unified, paths_.memory_v1, paths_.pids_v1, paths_.cpu_v1}) {
    Status removed = remove_group(path);
    if (!removed.ok() && first.ok()) first = std::move(removed);
  }
  return first;
}

}  // namespace carrel::kernel
