#include "launcher/cli/work/task_arguments.h"

#include <pwd.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <sstream>

#include "launcher/cli/options/options.h"
#include "profiles/base/text.h"

namespace carrel::work {
namespace {

namespace po = boost::program_options;
using options::read_options;

constexpr std::array<std::string_view, 4> kVerbs = {"create", "list", "show", "end"};
constexpr uint64_t kNsPerS = 1'000'000'000;

po::options_description make_options() {
  po::options_description options = carrel::options::common_options();
  const auto text = [](const char* name) { return po::value<std::string>()->value_name(name); };
  auto add = options.add_options();
  add("json", "as JSON (create, list, show)");
  add("profile", text("FILE"), "create: the profile, which the task keeps");
  add("person", po::value<std::vector<std::string>>()->value_name("P"),
      "create: who works at it: a user's name, a uid or local:UID; may be given again");
  add("until", text("T"), "create: no session after T, such as 2026-12-31T18:00:00Z or 2026-12-31");
  add("for", text("D"), "create: no session after D from now, such as 8h or 30d");
  add("reason", text("R"), "end: why; recorded, and shown to who works there");
  add("now", "end: erase its workspaces at once");
  return options;
}

/// "90s", "10m", "8h", "30d": whole seconds, at least one, at most ten years.
Result<uint64_t> parse_duration(const std::string& text) {
  uint64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  const uint64_t factor = unit == "s"   ? 1U
                          : unit == "m" ? 60U
                          : unit == "h" ? 3600U
                          : unit == "d" ? 86400U
                                        : 0U;
  constexpr uint64_t kLongest = 3653UL * 86400;
  if (failure != std::errc{} || factor == 0 || number == 0 || number > kLongest / factor) {
    return Error{"--for " + quoted(text) + ": give a duration such as 90s, 10m, 8h or 30d"};
  }
  return number * factor;
}

/// An option that another verb has would be passed over in silence.
Status refuse_options_of_others(TaskVerb verb, const po::variables_map& values) {
  struct Of {
    const char* option;
    std::vector<TaskVerb> verbs;
  };
  const std::vector<Of> all = {
      {"profile", {TaskVerb::kCreate}},
      {"person", {TaskVerb::kCreate}},
      {"until", {TaskVerb::kCreate}},
      {"for", {TaskVerb::kCreate}},
      {"reason", {TaskVerb::kEnd}},
      {"now", {TaskVerb::kEnd}},
      {"json", {TaskVerb::kCreate, TaskVerb::kList, TaskVerb::kShow}},
  };
  for (const Of& each : all) {
    if (values.count(each.option) == 0) continue;
    if (std::find(each.verbs.begin(), each.verbs.end(), verb) != each.verbs.end()) continue;
    return Error{"--" + std::string(each.option) + " is not for task " +
                 std::string(kVerbs.at(static_cast<size_t>(verb)))};
  }
  return Done{};
}

Status check_needed(const TaskArguments& arguments) {
  if (arguments.verb == TaskVerb::kList) return Done{};
  if (arguments.name.empty()) return Error{"say which task: a name"};
  if (arguments.verb == TaskVerb::kEnd && arguments.reason.empty()) {
    return Error{"give a reason (--reason R): it is recorded"};
  }
  if (arguments.verb != TaskVerb::kCreate) return Done{};
  if (arguments.profile.empty()) return Error{"no profile: give --profile FILE"};
  if (arguments.people.empty()) return Error{"give the task to somebody (--person P)"};
  if (!arguments.until.empty() && arguments.for_s != 0) return Error{"--until and --for: give one"};
  return Done{};
}

}  // namespace

Result<TaskArguments> parse_task_arguments(const std::vector<std::string>& words) {
  std::vector<std::string> rest;
  ASSIGN_OR_RETURN(const po::variables_map values, read_options(make_options(), words, &rest));
  TaskArguments out;
  out.help = values.count("help") != 0;
  if (out.help) return out;
  const auto* const verb =
      std::find(kVerbs.begin(), kVerbs.end(), rest.empty() ? std::string() : rest.front());
  if (verb == kVerbs.end()) return Error{"give create, list, show or end"};
  out.verb = static_cast<TaskVerb>(verb - kVerbs.begin());
  RETURN_IF_ERROR(refuse_options_of_others(out.verb, values));
  const size_t most = out.verb == TaskVerb::kList ? 1 : 2;
  if (rest.size() > most) return Error{"unexpected word \"" + quoted(rest[most]) + "\""};
  if (rest.size() > 1) out.name = rest[1];
  const auto text = [&values](const char* name) {
    return values.count(name) == 0 ? std::string() : values[name].as<std::string>();
  };
  out.state = text("state");
  out.profile = text("profile");
  out.until = text("until");
  out.reason = text("reason");
  out.now = values.count("now") != 0;
  out.shape = values.count("json") != 0 ? Shape::kJson : Shape::kText;
  if (values.count("person") != 0) out.people = values["person"].as<std::vector<std::string>>();
  if (values.count("for") != 0) {
    ASSIGN_OR_RETURN(out.for_s, parse_duration(text("for")));
  }
  RETURN_IF_ERROR(check_needed(out));
  return out;
}

std::string task_help_text() {
  std::ostringstream text;
  text << "usage: carrel task create NAME --profile FILE --person P... [--until T | --for D]\n"
          "       carrel task list\n"
          "       carrel task show NAME\n"
          "       carrel task end NAME --reason R [--now]\n\n"
          "A task is a profile given to people for a time. `carrel open NAME` opens it. Its end\n"
          "closes its sessions; what was worked on is kept for the time that the profile says\n"
          "(retention.workspace, else 14 days), or erased at once with --now.\n\n"
       << make_options();
  return text.str();
}

Result<uint64_t> parse_moment(const std::string& text) {
  const Error bad{"--until " + quoted(text) +
                  ": write a moment such as 2026-12-31T18:00:00Z, or a day such as 2026-12-31"};
  tm fields{};
  const bool day = text.size() == 10;
  const char* end = strptime(text.c_str(), day ? "%Y-%m-%d" : "%Y-%m-%dT%H:%M:%SZ", &fields);
  if (end == nullptr || *end != '\0') return bad;
  const tm asked = fields;
  const time_t moment = timegm(&fields);
  // A day that no calendar has is another one now.
  if (moment <= 0 || fields.tm_mday != asked.tm_mday) return bad;
  const auto seconds = static_cast<uint64_t>(moment) + (day ? 86400 : 0);
  if (seconds > INT64_MAX / kNsPerS) return bad;
  return seconds * kNsPerS;
}

Result<std::string> person_of(const std::string& word) {
  const std::string digits = word.starts_with("local:") ? word.substr(6) : word;
  uid_t uid = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), uid);
  if (failed == std::errc() && end == digits.data() + digits.size()) {
    return "local:" + std::to_string(uid);
  }
  const passwd* user = getpwnam(word.c_str());  // NOLINT(concurrency-mt-unsafe): one thread
  if (user == nullptr) {
    return Error{"--person " + quoted(word) + ": no user of this machine has this name"};
  }
  return "local:" + std::to_string(user->pw_uid);
}

}  // namespace carrel::work
