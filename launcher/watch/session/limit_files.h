#pragma once
// What the kernel says of a workspace's limits, read through descriptors that the launcher opened:
// control files of its group (cgroups(7)) and the folders of what can become full (fstatfs(2)).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/watch/session/limit_watch.h"
#include "profiles/base/unique_fd.h"

namespace carrel::session {

/// st_dev of what a descriptor stands for; 0 where it has none.
uint64_t device_of(int fd);

/// One control file, by the name under which it was handed over: "memory", "memory.used",
/// "processes", "processes.used" or "cpu" (launcher/box/kernel/cgroup.h, LimitFiles).
struct LimitFile {
  std::string name;
  UniqueFd fd;
};

class LimitFiles {
 public:
  /// `volumes`: a folder each, O_PATH is enough.
  LimitFiles(std::vector<LimitFile> files, std::vector<UniqueFd> volumes)
      : files_(std::move(files)), volumes_(std::move(volumes)) {}
  [[nodiscard]] LimitReading read() const;

 private:
  std::vector<LimitFile> files_;
  std::vector<UniqueFd> volumes_;
};

/// The number on the line "KEY N", or the only one on the first line where the key is "". Nothing
/// for any other text. Pure.
std::optional<uint64_t> counter_in(std::string_view text, std::string_view key);

}  // namespace carrel::session
