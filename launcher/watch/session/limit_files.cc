#include "launcher/watch/session/limit_files.h"

#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <charconv>

namespace carrel::session {
namespace {

std::optional<uint64_t> counter_of(int fd, std::string_view key) {
  std::array<char, 2048> bytes{};
  const ssize_t got = pread(fd, bytes.data(), bytes.size(), 0);
  if (got <= 0) return std::nullopt;
  return counter_in({bytes.data(), static_cast<size_t>(got)}, key);
}

VolumeUse use_of(int fd) {
  struct statfs what {};
  if (fstatfs(fd, &what) != 0) return {};
  const auto block = static_cast<uint64_t>(what.f_bsize);
  return {what.f_blocks * block, what.f_bavail * block, what.f_files, what.f_ffree};
}

}  // namespace

std::optional<uint64_t> counter_in(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!key.empty()) {
      if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != ' ') continue;
      line.remove_prefix(key.size() + 1);
    }
    uint64_t value = 0;
    const auto end = std::from_chars(line.data(), line.data() + line.size(), value);
    const bool whole = end.ec == std::errc() && end.ptr == line.data() + line.size();
    return whole ? std::optional<uint64_t>(value) : std::nullopt;
  }
  return std::nullopt;
}

uint64_t device_of(int fd) {
  struct stat what {};
  return fstat(fd, &what) == 0 ? what.st_dev : 0;
}

LimitReading LimitFiles::read() const {
  LimitReading reading;
  for (const LimitFile& file : files_) {
    const int fd = file.fd.get();
    if (file.name == "memory") reading.memory_kills = counter_of(fd, "oom_kill");
    if (file.name == "memory.used") reading.memory_used = counter_of(fd, "");
    if (file.name == "processes") reading.refused_processes = counter_of(fd, "max");
    if (file.name == "processes.used") reading.processes_used = counter_of(fd, "");
    if (file.name == "cpu") reading.cpu_throttled = counter_of(fd, "nr_throttled");
  }
  for (const UniqueFd& volume : volumes_)
    reading.volumes.push_back(use_of(volume.get()));
  return reading;
}

}  // namespace carrel::session
