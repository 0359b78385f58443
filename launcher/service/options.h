#pragma once
// The launcher's command line: descriptors it was started with, or the folders of a service.

#include <cstdint>
#include <optional>
#include <string>

#include "profiles/base/result.h"

namespace carrel::service {

/// Of a service of the whole host, which does not end by itself.
struct ServiceFolders {
  std::string state = "/var/lib/carrel";
  std::string sockets = "/run/carrel";  // the two sockets that the host's users find it by
};

struct LauncherOptions {
  std::optional<ServiceFolders> service;  // else both descriptors are there
  bool help = false;
  int state_fd = -1;              // the state folder
  int ready_fd = -1;              // hears "ready\n", or one sentence why not
  uint32_t idle_ms = 60'000;      // ends itself so long after it was last needed
  uint32_t host_floor_mib = 512;  // opens nothing with less free on the state folder's disk
  uint32_t host_low_mib = 256;    // holds what runs with less; 0: never
  uint32_t linger_ms = 60'000;    // keeps a session's disk mounted so long after it; 0: does not
};

/// "--state-fd N --ready-fd N [--idle-ms N] [--host-floor-mib N] [--host-low-mib N] [--linger-ms
/// N]", or as a service "launcher [--state DIR] [--sockets DIR] [--host-floor-mib N]
/// [--host-low-mib N]
/// [--linger-ms N]"; anything else is an Error, also a low mark above the floor. Where only the
/// floor is given the mark is half of it.
Result<LauncherOptions> parse_launcher_options(int argc, const char* const* argv);

/// The text of `carrel launcher --help`.
std::string launcher_help();

}  // namespace carrel::service
