#include "launcher/watch/notify/tasks.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <string_view>

namespace carrel::notify {
namespace {

std::string read_all(int folder_fd, const char* name) {
  const UniqueFd file(openat(folder_fd, name, O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return "";
  std::string text(4096, '\0');
  const ssize_t got = read(file.get(), text.data(), text.size());
  text.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return text;
}

std::optional<uint64_t> number(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

std::optional<std::string_view> line(std::string_view text, std::string_view key) {
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view one = text.substr(at, end - at);
    if (one.starts_with(key)) return one.substr(key.size());
    at = end + 1;
  }
  return std::nullopt;
}

/// Where a link leads; "" with errno where it leads to no path ("pipe:[1]", or a folder elsewhere).
std::string link_at(int folder_fd, const char* name) {
  std::array<char, PATH_MAX> text{};
  const ssize_t got = readlinkat(folder_fd, name, text.data(), text.size());
  if (got < 0) return "";
  errno = 0;
  return text[0] == '/' ? std::string(text.data(), static_cast<size_t>(got)) : "";
}

uint64_t tick_ns() {
  static const long ticks = sysconf(_SC_CLK_TCK);
  return ticks > 0 ? uint64_t{1'000'000'000} / static_cast<uint64_t>(ticks) : 10'000'000;
}

}  // namespace

std::optional<StatusIds> parse_status(const std::string& text) {
  const auto tgid = line(text, "Tgid:");
  const auto parent = line(text, "PPid:");
  const auto inside = line(text, "NSpid:");
  if (!tgid || !parent || !inside) return std::nullopt;
  const size_t last = inside->rfind('\t');
  const auto tgid_number = number(*tgid);
  const auto parent_number = number(*parent);
  const auto inside_number =
      number(last == std::string_view::npos ? *inside : inside->substr(last + 1));
  if (!tgid_number || !parent_number || !inside_number) return std::nullopt;
  return StatusIds{static_cast<uint32_t>(*tgid_number), static_cast<uint32_t>(*parent_number),
                   static_cast<uint32_t>(*inside_number)};
}

std::optional<uint64_t> parse_start_ticks(const std::string& text) {
  size_t at = text.rfind(')');
  if (at == std::string::npos) return std::nullopt;
  for (int field = 2; field < 22; ++field) {
    at = text.find(' ', at + 1);
    if (at == std::string::npos) return std::nullopt;
  }
  return number(std::string_view(text).substr(at + 1));
}

std::optional<Task> Tasks::read_task(uint32_t tid) {
  const std::string path = "/proc/" + std::to_string(tid);
  Task task;
  task.tid = tid;
  task.folder.reset(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!task.folder.valid()) return std::nullopt;
  const auto ids = parse_status(read_all(task.folder.get(), "status"));
  if (!ids) return std::nullopt;
  task.tgid = ids->tgid;
  task.parent = ids->parent;
  task.inside = ids->inside;
  // The leader's start, which all threads share.
  const std::string leader = "task/" + std::to_string(task.tgid) + "/stat";
  auto ticks = parse_start_ticks(read_all(task.folder.get(), leader.c_str()));
  if (!ticks) ticks = parse_start_ticks(read_all(task.folder.get(), "stat"));
  if (!ticks) return std::nullopt;
  task.start_ns = *ticks * tick_ns();
  return task;
}

const Task* Tasks::look_up(uint32_t tid) {
  if (open_.size() >= kMostOpen) open_.clear();
  std::optional<Task> task = read_task(tid);
  if (!task.has_value()) return nullptr;
  return &open_.insert_or_assign(tid, std::move(*task)).first->second;
}

const Task* Tasks::find(uint32_t tid) {
  const auto known = open_.find(tid);
  if (known == open_.end()) return look_up(tid);
  // The number may be another's by now; the folder then answers no more.
  if (faccessat(known->second.folder.get(), "stat", F_OK, 0) == 0) return &known->second;
  return look_up(tid);
}

std::optional<std::string> Tasks::birth(const Task& task, uint64_t time_ns) {
  const auto known = seen_.find(task.tgid);
  if (known != seen_.end() && known->second == task.start_ns) return std::nullopt;
  if (seen_.size() >= kMostSeen) seen_.clear();
  seen_[task.tgid] = task.start_ns;
  if (task.parent == 0) return std::nullopt;
  const std::optional<Task> parent = read_task(task.parent);
  constexpr uint32_t kInit = 1;
  if (!parent.has_value() || parent->inside == kInit) return std::nullopt;
  const Stamp stamp{parent->tgid, parent->tid, parent->start_ns, time_ns, 0};
  return fork_record(stamp, task.tgid, task.start_ns);
}

std::string Tasks::folder_of(const Task& task) {
  return link_at(task.folder.get(), "cwd");
}

std::string Tasks::path_of(const Task& task, int fd) {
  if (fd < 0) return "";
  const std::string path = link_at(task.folder.get(), ("fd/" + std::to_string(fd)).c_str());
  if (!path.empty() || errno != EACCES) return path;
  // The folder of descriptors belongs to root where a process may not be dumped.
  const UniqueFd process(
      static_cast<int>(syscall(SYS_pidfd_open, static_cast<pid_t>(task.tgid), 0)));
  if (!process.valid()) return "";
  const UniqueFd copy(static_cast<int>(syscall(SYS_pidfd_getfd, process.get(), fd, 0)));
  if (!copy.valid()) return "";
  return link_at(AT_FDCWD, ("/proc/self/fd/" + std::to_string(copy.get())).c_str());
}

}  // namespace carrel::notify
