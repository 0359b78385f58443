#include "launcher/service/options.h"

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "profiles/base/text.h"

namespace carrel::service {

namespace {

Result<uint32_t> number_of(std::string_view name, std::string_view text) {
  uint32_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size()) {
    return Error{std::string(name) + ": not a number: " + quoted(text)};
  }
  return value;
}

/// The low mark is half of the floor where it is not given.
Status set_low_mark(LauncherOptions& options, std::optional<uint32_t> low_mib) {
  options.host_low_mib = low_mib.value_or(options.host_floor_mib / 2);
  if (options.host_low_mib <= options.host_floor_mib) return Done{};
  return Error{"--host-low-mib must not be above --host-floor-mib: what is opened would be held"};
}

/// What both kinds of launcher take. False: it is none of these.
Result<bool> set_number(LauncherOptions& options, std::optional<uint32_t>& low_mib,
                        std::string_view name, std::string_view text) {
  if (name == "--host-floor-mib") {
    ASSIGN_OR_RETURN(options.host_floor_mib, number_of(name, text));
  } else if (name == "--host-low-mib") {
    ASSIGN_OR_RETURN(low_mib, number_of(name, text));
  } else if (name == "--linger-ms") {
    ASSIGN_OR_RETURN(options.linger_ms, number_of(name, text));
  } else {
    return false;
  }
  return true;
}

/// The words after "launcher".
Result<LauncherOptions> parse_service(int argc, const char* const* argv) {
  LauncherOptions options;
  options.service.emplace();
  std::optional<uint32_t> low_mib;
  for (int i = 2; i < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--help" || name == "-h") {
      options.help = true;
      return options;
    }
    const std::string_view text = i + 1 < argc ? argv[i + 1] : "";
    ASSIGN_OR_RETURN(const bool is_number, set_number(options, low_mib, name, text));
    if (is_number) continue;
    if (name == "--state" || name == "--sockets") {
      if (text.empty() || text[0] != '/') {
        return Error{std::string(name) + ": give an absolute path"};
      }
      (name == "--state" ? options.service->state : options.service->sockets) = text;
    } else {
      return Error{"unknown argument " + quoted(name) + " (see: carrel launcher --help)"};
    }
  }
  RETURN_IF_ERROR(set_low_mark(options, low_mib));
  return options;
}

}  // namespace

std::string launcher_help() {
  return "usage: carrel launcher [--state DIR] [--sockets DIR] [--host-floor-mib N] "
         "[--host-low-mib N] [--linger-ms N]\n\n"
         "Serves the users of this host in the foreground, as root: each may open the tasks that\n"
         "were given to them and nothing else. Starts the broker, and another one where that "
         "dies.\n"
         "Meant for a service manager (carrel.service); SIGTERM ends it and its sessions.\n\n"
         "  --state DIR           the state folder (/var/lib/carrel)\n"
         "  --sockets DIR         where users find it (/run/carrel; they set CARREL_SERVICE to "
         "another)\n"
         "  --host-floor-mib N    opens nothing with less free on the state folder's disk (512)\n"
         "  --host-low-mib N      holds what runs with less (half of the floor; 0: never)\n"
         "  --linger-ms N         keeps a disk mounted so long after its session (60000; 0: does "
         "not)\n";
}

Result<LauncherOptions> parse_launcher_options(int argc, const char* const* argv) {
  if (argc > 1 && std::string_view(argv[1]) == "launcher") return parse_service(argc, argv);
  LauncherOptions options;
  std::optional<uint32_t> low_mib;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string_view text = i + 1 < argc ? argv[i + 1] : "";
    ASSIGN_OR_RETURN(const bool is_number, set_number(options, low_mib, name, text));
    if (is_number) continue;
    int value = -1;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc() || end != text.data() + text.size() || value < 0) {
      return Error{std::string(name) + ": not a number: " + quoted(text)};
    }
    if (name == "--idle-ms") {
      options.idle_ms = static_cast<uint32_t>(value);
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
  RETURN_IF_ERROR(set_low_mark(options, low_mib));
  return options;
}

}  // namespace carrel::service
