#pragma once
// The processes behind notifications, by their folders in /proc: a folder that is open belongs to
// one process for good and answers ESRCH once that has ended, whoever has its number then.

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "launcher/watch/notify/records.h"
#include "profiles/base/unique_fd.h"

namespace carrel::notify {

struct Task {
  UniqueFd folder;  // /proc/TID
  uint32_t tid = 0;
  uint32_t tgid = 0;
  uint32_t parent = 0;  // tgid when it was first seen
  uint32_t inside = 0;  // its number in its own pid namespace
  uint64_t start_ns = 0;
};

/// "Tgid", "PPid" and the last of "NSpid" of /proc/PID/status; nothing when one is missing. Pure.
struct StatusIds {
  uint32_t tgid = 0, parent = 0, inside = 0;
};
std::optional<StatusIds> parse_status(const std::string& text);
/// The 22nd field of /proc/PID/stat, whose second may hold anything. Pure.
std::optional<uint64_t> parse_start_ticks(const std::string& text);

class Tasks {
 public:
  /// The caller; nullptr when it has ended. Valid until the next call.
  const Task* find(uint32_t tid);

  /// A record of its birth, when this process was not seen before and its parent is one of the
  /// workspace's (not its init).
  std::optional<std::string> birth(const Task& task, uint64_t time_ns);

  /// The task's working directory as its root shows it; "" when it has none.
  static std::string folder_of(const Task& task);
  /// The same of its descriptor `fd`; "" where that leads to nothing with a path.
  static std::string path_of(const Task& task, int fd);

 private:
  static constexpr size_t kMostOpen = 512;
  static constexpr size_t kMostSeen = 131072;
  static std::optional<Task> read_task(uint32_t tid);
  const Task* look_up(uint32_t tid);
  std::unordered_map<uint32_t, Task> open_;      // by tid
  std::unordered_map<uint32_t, uint64_t> seen_;  // tgid to its start
};

}  // namespace carrel::notify
