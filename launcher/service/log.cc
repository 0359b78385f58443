#include "launcher/service/log.h"

#include <time.h>
#include <unistd.h>

#include <cstdint>

#include "profiles/base/rfc3339.h"

namespace carrel::service {

Log log_to(int log_fd) {
  return [log_fd](const std::string& line) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    const uint64_t ns =
        static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
    const std::string whole = to_rfc3339(ns) + " launcher." + line + "\n";
    (void)!write(log_fd, whole.data(), whole.size());
  };
}

}  // namespace carrel::service
