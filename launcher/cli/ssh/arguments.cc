#include "launcher/cli/ssh/arguments.h"

#include <algorithm>
#include <array>
#include <sstream>

#include "launcher/cli/options/options.h"
#include "profiles/base/text.h"
#include "profiles/parse/checks.h"

namespace carrel::ssh_cli {
namespace {

namespace po = boost::program_options;
using options::read_options;

constexpr std::array<std::string_view, 2> kVerbs = {"ssh-config", "connect"};
constexpr size_t kMaxNames = 1024;
constexpr std::string_view kLocal = "local/";

po::options_description make_options(Verb verb) {
  po::options_description options = carrel::options::common_options();
  auto add = options.add_options();
  if (verb == Verb::kConnect) {
    add("stdio", "be the connection: what ssh says comes on stdin, what it hears goes to stdout");
    add("prepare", "get what the connection needs: a key, a certificate, the server's key");
  }
  return options;
}

Result<std::string> read_name(std::string_view word) {
  std::string_view name = word;
  if (name.starts_with(kLocal)) name.remove_prefix(kLocal.size());
  if (parse::check_name(name).has_value()) {
    return Error{"\"" + quoted(word.substr(0, 80)) +
                 "\" names no task: a name has lower-case letters, digits and dashes"};
  }
  return std::string(name);
}

Status check_connect(const po::variables_map& values, SshArguments& out) {
  const bool stdio = values.count("stdio") != 0;
  const bool prepare = values.count("prepare") != 0;
  if (stdio == prepare) {
    return Error{
        "give --stdio or --prepare, as ssh does by itself with what `carrel ssh-config` says"};
  }
  out.way = prepare ? Way::kPrepare : Way::kStdio;
  if (out.names.size() != 1) return Error{"give one task, or one session"};
  return Done{};
}

}  // namespace

std::optional<Verb> verb_from(std::string_view word) {
  const auto* const found = std::find(kVerbs.begin(), kVerbs.end(), word);
  if (found == kVerbs.end()) return std::nullopt;
  return static_cast<Verb>(found - kVerbs.begin());
}

std::string_view verb_name(Verb verb) {
  return kVerbs[static_cast<size_t>(verb)];
}

Result<SshArguments> parse_arguments(Verb verb, const std::vector<std::string>& words) {
  std::vector<std::string> rest;
  ASSIGN_OR_RETURN(const po::variables_map values, read_options(make_options(verb), words, &rest));
  SshArguments out;
  out.verb = verb;
  out.help = values.count("help") != 0;
  if (out.help) return out;
  if (values.count("state") != 0) {
    out.state = values["state"].as<std::string>();
    if (out.state.empty()) return Error{"--state: give a folder"};
  }
  if (rest.size() > kMaxNames) return Error{"more than 1024 tasks at once"};
  for (const std::string& word : rest) {
    ASSIGN_OR_RETURN(std::string name, read_name(word));
    if (std::find(out.names.begin(), out.names.end(), name) == out.names.end())
      out.names.push_back(std::move(name));
  }
  if (verb == Verb::kConnect) RETURN_IF_ERROR(check_connect(values, out));
  return out;
}

bool may_be_session(std::string_view name) {
  if (name == "last") return true;
  return name.size() >= 4 && name.size() <= 26 && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
         });
}

std::string help_text(Verb verb) {
  std::ostringstream text;
  if (verb == Verb::kSshConfig) {
    text << "usage: carrel ssh-config [TASK...] [options]\n\n"
            "Prints what ssh has to know to come to your running session of a task, as\n"
            "`ssh carrel-TASK`: so that ssh, scp, sftp and editors that work by ssh have it.\n"
            "Without TASK: each task that is yours, given to you or opened by you, and has not\n"
            "ended, whether a session of it runs now or not. Nothing is opened by it: a session\n"
            "is, by `carrel open`.\n\n"
            "  carrel ssh-config > ~/.ssh/carrel.conf     and as the first line of ~/.ssh/config:\n"
            "  Include ~/.ssh/carrel.conf\n\n"
            "What is said here of a task stays true when another session of it runs.\n\n"
         << make_options(verb);
  } else {
    text << "usage: carrel connect --stdio|--prepare TASK|SESSION [options]\n\n"
            "What ssh runs by itself, with what `carrel ssh-config` says, to come to a session of\n"
            "yours that runs. SESSION is a full id, the first 4 or more characters of one, or\n"
            "`last`; a task of that name comes first.\n\n"
         << make_options(verb);
  }
  text << "\nexit: 0; 120 usage, 121 not yours, or nothing of it runs, 123 something broke.\n";
  return text.str();
}

}  // namespace carrel::ssh_cli
