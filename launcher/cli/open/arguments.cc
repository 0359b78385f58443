#include "launcher/cli/open/arguments.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include "launcher/cli/options/options.h"
#include "profiles/base/text.h"

namespace carrel::open {
namespace {

namespace po = boost::program_options;
using options::read_options;

/// "90s", "10m", "8h": whole seconds, at least one, at most 30 days.
Result<uint64_t> parse_duration(const std::string& text) {
  uint64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  const uint64_t factor = unit == "s" ? 1U : unit == "m" ? 60U : unit == "h" ? 3600U : 0U;
  constexpr uint64_t kLongest = 30UL * 24 * 3600;
  if (failure != std::errc{} || factor == 0 || number == 0 || number > kLongest / factor) {
    return Error{"--timeout " + quoted(text) +
                 ": give a duration such as 90s, 10m or 8h (at most 720h)"};
  }
  return number * factor;
}

/// What `open` and `attach` share.
po::options_description common_options() {
  po::options_description options = carrel::options::common_options();
  options.add_options()("status-fd", po::value<int>()->value_name("N"),
                        "write JSON status lines to descriptor N");
  return options;
}

po::options_description make_options() {
  po::options_description options = common_options();
  options.add_options()("profile", po::value<std::string>()->value_name("FILE"),
                        "the profile to open (TOML)")(
      "accept-agreement", po::value<std::string>()->value_name("SHA256"),
      "accept the task's agreement whose text has this digest, without being asked")(
      "timeout", po::value<std::string>()->value_name("D"),
      "end the session after D, such as 90s, 10m, 8h");
  return options;
}

/// Values of the options that both verbs have.
template <typename Arguments>
Status read_common(const po::variables_map& values, Arguments& out) {
  if (values.count("state") != 0) out.state = values["state"].as<std::string>();
  if (values.count("status-fd") != 0) out.status_fd = values["status-fd"].as<int>();
  if (values.count("status-fd") != 0 && out.status_fd < 0) {
    return Error{"--status-fd: give the number of an open descriptor"};
  }
  return Done{};
}

}  // namespace

std::string attach_help_text() {
  std::ostringstream text;
  text << "usage: carrel attach [SESSION] [options] [-- COMMAND [ARGUMENT...]]\n\n"
          "Opens a further terminal at a session of yours that runs (default: the one started "
          "last)\n"
          "and runs COMMAND there (default: /bin/bash -l). It is recorded like the first, apart "
          "from\n"
          "it. The session ends when the last of its terminals does.\n\n"
       << common_options() << "\nexit: the command's own status; else as of `carrel open`.\n";
  return text.str();
}

Result<AttachArguments> parse_attach_arguments(const std::vector<std::string>& words) {
  const auto dashes = std::find(words.begin(), words.end(), "--");
  AttachArguments out;
  std::vector<std::string> rest;
  ASSIGN_OR_RETURN(
      const po::variables_map values,
      read_options(common_options(), std::vector<std::string>(words.begin(), dashes), &rest));
  if (dashes != words.end()) out.command.assign(dashes + 1, words.end());
  out.help = values.count("help") != 0;
  if (out.help) return out;
  if (rest.size() > 1) {
    return Error{"unexpected word \"" + quoted(rest[1]) + "\": give the command after --"};
  }
  if (!rest.empty()) out.session = rest.front();
  RETURN_IF_ERROR(read_common(values, out));
  if (dashes != words.end() && out.command.empty()) return Error{"no command after --"};
  if (out.command.empty()) out.command = {"/bin/bash", "-l"};
  return out;
}

std::string help_text() {
  std::ostringstream text;
  text
      << "usage: carrel open [TASK | --profile FILE] [options] [-- COMMAND [ARGUMENT...]]\n\n"
         "Opens a recorded workspace that holds only what the task's profile allows, runs COMMAND\n"
         "in it (default: /bin/bash -l) and returns its status. Everything is recorded. Where a\n"
         "session runs at the workspace already, this is a further terminal of it.\n\n"
      << make_options()
      << "\nexit: the command's own status; 120 usage or profile, 121 not found, 122 the host "
         "cannot\n"
         "give it, 123 a step failed, 124 time, limit or record failure, 125 closed by a person.\n";
  return text.str();
}

int status_fd_of(const std::vector<std::string>& words) {
  constexpr std::string_view kName = "--status-fd";
  std::string_view text;
  for (auto word = words.begin(); word != words.end() && *word != "--"; ++word) {
    if (*word == kName && word + 1 != words.end()) text = *(word + 1);
    if (word->starts_with(std::string(kName) + "=")) {
      text = std::string_view(*word).substr(kName.size() + 1);
    }
  }
  int fd = -1;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), fd);
  return failure == std::errc{} && end == text.data() + text.size() ? fd : -1;
}

Result<OpenArguments> parse_arguments(const std::vector<std::string>& words) {
  const auto dashes = std::find(words.begin(), words.end(), "--");
  OpenArguments out;
  std::vector<std::string> rest;
  ASSIGN_OR_RETURN(
      const po::variables_map values,
      read_options(make_options(), std::vector<std::string>(words.begin(), dashes), &rest));
  if (dashes != words.end()) out.command.assign(dashes + 1, words.end());
  out.help = values.count("help") != 0;
  if (out.help) return out;
  if (rest.size() > 1) {
    return Error{"unexpected word \"" + quoted(rest[1]) + "\": give the command after --"};
  }
  if (!rest.empty()) out.task = rest.front();
  if (values.count("profile") != 0) out.profile = values["profile"].as<std::string>();
  if (out.task.empty() == out.profile.empty()) {
    return Error{out.task.empty() ? "no task and no profile: give TASK or --profile FILE"
                                  : "a task and a profile: give one of them"};
  }
  if (values.count("accept-agreement") != 0) {
    out.accept_sha256 = values["accept-agreement"].as<std::string>();
  }
  RETURN_IF_ERROR(read_common(values, out));
  if (values.count("timeout") != 0) {
    ASSIGN_OR_RETURN(out.timeout_s, parse_duration(values["timeout"].as<std::string>()));
  }
  if (dashes != words.end() && out.command.empty()) return Error{"no command after --"};
  if (out.command.empty()) out.command = {"/bin/bash", "-l"};
  return out;
}

}  // namespace carrel::open
