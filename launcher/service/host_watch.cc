#include "launcher/service/host_watch.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <system_error>

#include "profiles/base/unique_fd.h"

namespace carrel::service {
namespace {

constexpr uint64_t kLookMs = 1000;
/// Memory takes gigabytes a second.
constexpr uint64_t kLookCloselyMs = 100;
constexpr uint64_t kFarAway = 16;  // marks

/// The number of "NAME:   1234 kB".
uint64_t kilobytes_of(std::string_view line, std::string_view name) {
  if (!line.starts_with(name)) return 0;
  line.remove_prefix(name.size());
  const size_t digits = line.find_first_not_of(' ');
  if (digits == std::string_view::npos) return 0;
  line.remove_prefix(digits);
  uint64_t value = 0;
  const auto end = std::from_chars(line.data(), line.data() + line.size(), value);
  return end.ec == std::errc() ? value : 0;
}

}  // namespace

uint64_t unwritten_in(std::string_view meminfo) {
  uint64_t kilobytes = 0;
  while (!meminfo.empty()) {
    const std::string_view line = meminfo.substr(0, meminfo.find('\n'));
    meminfo.remove_prefix(line.size() == meminfo.size() ? line.size() : line.size() + 1);
    kilobytes += kilobytes_of(line, "Dirty:") + kilobytes_of(line, "Writeback:");
  }
  return kilobytes * 1024;
}

Result<HostRoom> look_at_host(int folder_fd) {
  struct statvfs about {};
  if (fstatvfs(folder_fd, &about) != 0) return errno_error("ask for the state folder's free space");
  const UniqueFd file(open("/proc/meminfo", O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return errno_error("open /proc/meminfo");
  std::array<char, 8192> text{};
  const ssize_t got = read(file.get(), text.data(), text.size());
  if (got < 0) return errno_error("read /proc/meminfo");
  return HostRoom{uint64_t{about.f_bavail} * about.f_frsize,
                  unwritten_in({text.data(), static_cast<size_t>(got)})};
}

void HostWatch::take(const HostRoom& room) {
  left_bytes_ = room.left();
  if (!is_on()) return;
  low_ = left_bytes_ < (low_ ? release_bytes() : mark_bytes_);
}

void HostWatch::rest() {
  left_bytes_ = UINT64_MAX;
  low_ = false;
}

uint64_t HostWatch::look_again_ms() const {
  return left_bytes_ / kFarAway < mark_bytes_ ? kLookCloselyMs : kLookMs;
}

}  // namespace carrel::service
