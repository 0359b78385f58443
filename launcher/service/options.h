#pragma once
// The launcher's command line: descriptors it was started with.

#include <cstdint>

#include "profiles/base/result.h"

namespace carrel::service {

struct LauncherOptions {
  int state_fd = -1;              // the state folder
  int ready_fd = -1;              // hears "ready\n", or one sentence why not
  uint32_t idle_ms = 60'000;      // ends itself so long after it was last needed
  uint32_t host_floor_mib = 512;  // opens nothing with less free on the state folder's disk
};

/// "--state-fd N --ready-fd N [--idle-ms N] [--host-floor-mib N]"; anything else is an Error.
Result<LauncherOptions> parse_launcher_options(int argc, const char* const* argv);

}  // namespace carrel::service
