#include "launcher/watch/session/cgroup_port.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace carrel::session {

Status CgroupPort::kill() const {
  if (pwrite(kill_.get(), "1", 1, 0) != 1) return errno_error("write cgroup.kill");
  return Done{};
}

int CgroupPort::events_fd() const {
  return ends_by_init() ? init_.get() : events_.get();
}

short CgroupPort::events() const {
  return ends_by_init() ? POLLIN : POLLPRI;
}

Status CgroupPort::freeze(bool stop) const {
  if (!can_freeze()) return Error{"this host gives no cgroup.freeze", ENOTSUP};
  if (pwrite(freeze_.get(), stop ? "1" : "0", 1, 0) != 1) return errno_error("write cgroup.freeze");
  return Done{};
}

/// False also for a file that cannot be read.
bool CgroupPort::says(std::string_view line) const {
  std::array<char, 256> bytes{};
  const ssize_t got = pread(events_.get(), bytes.data(), bytes.size(), 0);
  std::string_view text(bytes.data(), got > 0 ? static_cast<size_t>(got) : 0);
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (text.substr(0, end) == line) return true;
    text = end == std::string_view::npos ? "" : text.substr(end + 1);
  }
  return false;
}

bool CgroupPort::populated() const {
  if (ends_by_init()) {
    if (!init_.valid()) return false;
    pollfd look{init_.get(), POLLIN, 0};
    return poll(&look, 1, 0) <= 0 || (look.revents & POLLIN) == 0;
  }
  return !says("populated 0");
}

bool CgroupPort::frozen() const {
  return says("frozen 1");
}

}  // namespace carrel::session
