#include "launcher/service/options.h"

#include <charconv>
#include <string>
#include <string_view>
#include <system_error>

#include "profiles/base/text.h"

namespace carrel::service {

Result<LauncherOptions> parse_launcher_options(int argc, const char* const* argv) {
  LauncherOptions options;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string_view text = i + 1 < argc ? argv[i + 1] : "";
    int value = -1;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc() || end != text.data() + text.size() || value < 0) {
      return Error{std::string(name) + ": not a number: " + quoted(text)};
    }
    if (name == "--idle-ms") {
      options.idle_ms = static_cast<uint32_t>(value);
      continue;
    }
    if (name == "--host-floor-mib") {
      options.host_floor_mib = static_cast<uint32_t>(value);
      continue;
    }
    if (value < 3) return Error{std::string(name) + ": not a descriptor: " + quoted(text)};
    if (name == "--state-fd") {
      options.state_fd = value;
    } else if (name == "--ready-fd") {
      options.ready_fd = value;
    } else {
      return Error{"unknown argument " + quoted(name)};
    }
  }
  if (options.state_fd < 0 || options.ready_fd < 0) {
    return Error{"--state-fd and --ready-fd are required: carrel open starts this program"};
  }
  return options;
}

}  // namespace carrel::service
