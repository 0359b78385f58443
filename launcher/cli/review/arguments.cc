#include "launcher/cli/review/arguments.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>

#include "launcher/cli/options/options.h"
#include "profiles/base/text.h"

namespace carrel::review {
namespace {

namespace po = boost::program_options;
using options::read_options;
using options::text_of;

constexpr std::array<std::string_view, 7> kVerbs = {"sessions", "show", "events", "replay",
                                                    "diff",     "net",  "verify"};

constexpr std::string_view kSessionWords =
    "SESSION is a full id, the first 4 or more characters of one, or `last`.\n";

struct Words {
  std::string_view usage;
  std::string_view about;
};

Words words_of(Verb verb) {
  switch (verb) {
    case Verb::kSessions:
      return {"", "Lists the sessions that you may see, newest first."};
    case Verb::kShow:
      return {" SESSION", "Says who did what, how it ended, what was denied and what changed."};
    case Verb::kEvents:
      return {" SESSION", "Lists what was recorded, in order."};
    case Verb::kReplay:
      return {" SESSION",
              "Shows the terminal as it was, in its own time. Keys: q quits, space pauses,\n"
              "+ and - change the speed. Nothing recorded reaches your terminal as it is:\n"
              "what you see is drawn anew."};
    case Verb::kDiff:
      return {" SESSION [PATH]",
              "Shows what changed in the working trees. PATH is a file or folder as seen\n"
              "inside (/workspaces/app/web) or relative to /workspaces (app/web)."};
    case Verb::kNet:
      return {" SESSION",
              "Says what a session did on the network: destinations with bytes, requests and\n"
              "programs, what was denied, budgets, anomalies, and what was granted."};
    case Verb::kVerify:
      return {" SESSION",
              "Checks the record from its bytes alone, claim by claim.\n"
              "exit: 0 verified, 2 not found or no policy, 3 verified with declared loss,\n"
              "4 failed, 5 incomplete."};
  }
  return {};
}

void add_verb_options(Verb verb, po::options_description* options) {
  auto add = options->add_options();
  const auto text = [](const char* name) { return po::value<std::string>()->value_name(name); };
  if (verb == Verb::kSessions || verb == Verb::kShow || verb == Verb::kNet || verb == Verb::kVerify)
    add("json", "as JSON");
  if (verb == Verb::kEvents) {
    add("kind", text("KIND"),
        "only these: process, file, net, terminal, credential, policy, limit, dns, tls, http, "
        "grant, recorder");
    add("verdict", text("VERDICT"), "only these: allowed, denied, observed");
    add("format", text("FORMAT"), "table (default) or jsonl");
  }
  if (verb == Verb::kReplay) {
    add("speed", text("X"), "0.1 to 1000 times as fast");
    add("from", text("T"), "begin at this time of the session, such as 90s");
    add("skip-idle", text("D"), "cut waits longer than D to D, such as 2s");
    add("text", "the whole session as plain text");
    add("terminal", text("N"), "of several terminals the one with this number (default: 1)");
  }
  if (verb == Verb::kVerify)
    add("policy", text("FILE"), "whose keys to trust (else the state folder's trust.policy)");
}

po::options_description make_options(Verb verb) {
  po::options_description options = carrel::options::common_options();
  add_verb_options(verb, &options);
  return options;
}

Result<std::string> parse_kind(const std::string& word) {
  constexpr std::array<std::string_view, 12> kKinds = {"process",    "file",   "net",   "terminal",
                                                       "credential", "policy", "limit", "dns",
                                                       "tls",        "http",   "grant", "recorder"};
  if (word.empty() || std::find(kKinds.begin(), kKinds.end(), word) != kKinds.end()) return word;
  const std::string guess = nearest(word, kKinds.data(), kKinds.size());
  return Error{"unknown kind \"" + quoted(word) + "\"" +
               (guess.empty() ? "" : ", did you mean " + guess + "?")};
}

Result<std::optional<events::Verdict>> parse_verdict(const std::string& word) {
  using Found = std::optional<events::Verdict>;
  if (word.empty()) return Found();
  if (word == "allowed") return Found(events::Verdict::kAllowed);
  if (word == "denied") return Found(events::Verdict::kDenied);
  if (word == "observed") return Found(events::Verdict::kObserved);
  return Error{"unknown verdict \"" + quoted(word) + "\" (allowed, denied, observed)"};
}

Result<Format> parse_format(const std::string& word) {
  if (word.empty() || word == "table") return Format::kTable;
  if (word == "jsonl") return Format::kJsonl;
  if (word == "ocsf") return Error{"--format ocsf: not supported yet"};
  return Error{"unknown format \"" + quoted(word) + "\" (table, jsonl)"};
}

std::optional<uint32_t> terminal_number(std::string_view digits) {
  uint32_t number = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool whole = failure == std::errc{} && end == digits.data() + digits.size();
  return whole && number > 0 ? std::optional<uint32_t>(number) : std::nullopt;
}

/// The first command's output has no number in the record.
Result<std::string> parse_terminal(const std::string& word) {
  if (word.empty()) return std::string();
  const size_t dot = std::min(word.find('.'), word.size());
  const auto number = terminal_number(std::string_view(word).substr(0, dot));
  const auto command = dot == word.size() ? std::optional<uint32_t>(1)
                                          : terminal_number(std::string_view(word).substr(dot + 1));
  if (!number || !command) {
    return Error{
        "--terminal: give a number, such as 2, or 3.1 for the first command of an ssh "
        "connection"};
  }
  if (dot != word.size()) return std::to_string(*number) + "." + std::to_string(*command);
  return *number == 1 ? std::string() : std::to_string(*number);
}

Status read_pace(const po::variables_map& values, replay::Pace* pace) {
  if (values.count("speed") != 0) {
    ASSIGN_OR_RETURN(pace->speed, replay::parse_speed(text_of(values, "speed")));
  }
  if (values.count("from") != 0) {
    ASSIGN_OR_RETURN(pace->from_ns, replay::parse_time(text_of(values, "from")));
  }
  if (values.count("skip-idle") != 0) {
    ASSIGN_OR_RETURN(pace->skip_idle_ns, replay::parse_time(text_of(values, "skip-idle")));
  }
  return Done{};
}

Status read_positional(const std::vector<std::string>& rest, ReviewArguments* out) {
  const size_t wanted = out->verb == Verb::kSessions ? 0U : out->verb == Verb::kDiff ? 2U : 1U;
  if (rest.size() > wanted) return Error{"unexpected word \"" + quoted(rest[wanted]) + "\""};
  if (wanted > 0 && rest.empty()) return Error{"say which session: an id, or `last`"};
  if (!rest.empty()) out->session = rest[0];
  if (rest.size() > 1) out->path = rest[1];
  if (out->verb == Verb::kVerify && out->session.find_first_of("/.") != std::string::npos)
    return Error{"verifying a bundle: not supported yet"};
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

Result<ReviewArguments> parse_arguments(Verb verb, const std::vector<std::string>& words) {
  std::vector<std::string> rest;
  ASSIGN_OR_RETURN(const po::variables_map values, read_options(make_options(verb), words, &rest));
  ReviewArguments out;
  out.verb = verb;
  out.help = values.count("help") != 0;
  if (out.help) return out;
  out.state = text_of(values, "state");
  out.policy = text_of(values, "policy");
  if (values.count("json") != 0) out.shape = Shape::kJson;
  if (values.count("text") != 0) out.replay_as = ReplayAs::kText;
  ASSIGN_OR_RETURN(out.kind, parse_kind(text_of(values, "kind")));
  ASSIGN_OR_RETURN(out.verdict, parse_verdict(text_of(values, "verdict")));
  ASSIGN_OR_RETURN(out.format, parse_format(text_of(values, "format")));
  RETURN_IF_ERROR(read_pace(values, &out.pace));
  ASSIGN_OR_RETURN(out.terminal, parse_terminal(text_of(values, "terminal")));
  RETURN_IF_ERROR(read_positional(rest, &out));
  return out;
}

std::string help_text(Verb verb) {
  const Words words = words_of(verb);
  std::ostringstream text;
  text << "usage: carrel " << verb_name(verb) << words.usage << " [options]\n\n"
       << words.about << "\n";
  if (verb != Verb::kSessions) text << kSessionWords;
  text << "\n" << make_options(verb);
  return text.str();
}

}  // namespace carrel::review
