#include "launcher/cli/work/arguments.h"

#include <algorithm>
#include <array>
#include <sstream>

#include "launcher/cli/options/options.h"
#include "profiles/base/text.h"

namespace carrel::work {
namespace {

namespace po = boost::program_options;
using options::read_options;
using options::text_of;

constexpr std::array<std::string_view, 5> kVerbs = {"list", "status", "close", "pause", "resume"};

bool is_order(Verb verb) {
  return verb == Verb::kClose || verb == Verb::kPause || verb == Verb::kResume;
}

std::string_view about(Verb verb) {
  switch (verb) {
    case Verb::kList:
      return "Lists the workspaces that you may see, latest used first.";
    case Verb::kStatus:
      return "Says how a running session stands: how long it may go on, how long nothing was\n"
             "typed, whether it is paused. Without SESSION: all that run.";
    case Verb::kClose:
      return "Ends a running session, and returns when nothing of it runs and its record is\n"
             "closed. Programs are told (SIGHUP) and have 10 seconds; with --now they have none.";
    case Verb::kPause:
      return "Stops every process of a running session, and returns when none moves any more.\n"
             "The limits of its time go on, but for idle_timeout.";
    case Verb::kResume:
      return "Lets a paused session go on.";
  }
  return "";
}

po::options_description make_options(Verb verb) {
  po::options_description options = carrel::options::common_options();
  const auto text = [](const char* name) { return po::value<std::string>()->value_name(name); };
  auto add = options.add_options();
  if (!is_order(verb)) add("json", "as JSON");
  if (is_order(verb)) add("reason", text("R"), "why: recorded, and shown to who works there");
  if (verb == Verb::kClose) add("now", "without waiting for programs to end by themselves");
  if (verb == Verb::kStatus) {
    add("privacy", "who has looked at the record");
    add("receipts", "what was handed over");
  }
  return options;
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

Result<WorkArguments> parse_arguments(Verb verb, const std::vector<std::string>& words) {
  std::vector<std::string> rest;
  ASSIGN_OR_RETURN(const po::variables_map values, read_options(make_options(verb), words, &rest));
  WorkArguments out;
  out.verb = verb;
  out.help = values.count("help") != 0;
  if (out.help) return out;
  for (const char* not_yet : {"privacy", "receipts"}) {
    if (values.count(not_yet) != 0) {
      return Error{"--" + std::string(not_yet) + ": not supported yet"};
    }
  }
  out.state = text_of(values, "state");
  out.shape = values.count("json") != 0 ? Shape::kJson : Shape::kText;
  out.reason = text_of(values, "reason");
  out.now = values.count("now") != 0;
  const size_t most = verb == Verb::kList ? 0 : 1;
  if (rest.size() > most) return Error{"unexpected word \"" + quoted(rest[most]) + "\""};
  if (!rest.empty()) out.session = rest[0];
  if (!is_order(verb)) return out;
  if (out.session.empty()) return Error{"say which session: an id, or `last`"};
  if (out.reason.empty()) return Error{"give a reason (--reason R): it is recorded"};
  return out;
}

std::string help_text(Verb verb) {
  std::ostringstream text;
  text << "usage: carrel " << verb_name(verb)
       << (verb == Verb::kList ? "" : (is_order(verb) ? " SESSION --reason R" : " [SESSION]"))
       << " [options]\n\n"
       << about(verb) << "\n";
  if (verb != Verb::kList) {
    text << "SESSION is a full id, the first 4 or more characters of one, or `last`.\n";
  }
  text << "\n" << make_options(verb);
  return text.str();
}

}  // namespace carrel::work
