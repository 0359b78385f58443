#include "launcher/watch/session/cgroup_port.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <string_view>

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

bool CgroupPort::populated() const {
  if (ends_by_init()) {
    if (!init_.valid()) return false;
    pollfd look{init_.get(), POLLIN, 0};
    return poll(&look, 1, 0) <= 0 || (look.revents & POLLIN) == 0;
  }
  std::array<char, 256> bytes{};
  const ssize_t got = pread(events_.get(), bytes.data(), bytes.size(), 0);
  if (got <= 0) return true;
  std::string_view text(bytes.data(), static_cast<size_t>(got));
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (text.substr(0, end) == "populated 0") return false;
    text = end == std::string_view::npos ? "" : text.substr(end + 1);
  }
  return true;
}

}  // namespace carrel::session
