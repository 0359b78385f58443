#include "profiles/decide/rules.h"

#include "profiles/base/text.h"
#include "profiles/model/words.h"

namespace carrel::decide {
namespace {

using model::PathEntry;
using model::Repository;

std::string named(std::string_view text) {
  return '"' + quoted(text) + '"';
}

/// `grant` ends the sentence: "may be read and written".
void add_entries(std::vector<DecideRule>& rules, const Repository& repository,
                 const std::vector<PathEntry>& entries, std::string_view key,
                 std::string_view grant) {
  for (const PathEntry& entry : entries) {
    const std::string path = entry.path.text();
    rules.push_back(
        {"repository." + repository.name + "." + std::string(key) + "." + path,
         named(path) + " of repository " + named(repository.name) + " " + std::string(grant) + ".",
         entry.where.line});
  }
}

void add_repository(std::vector<DecideRule>& rules, const Repository& repository) {
  const std::string table = "[[repository]] " + named(repository.name);
  rules.push_back(
      {"repository." + repository.name,
       "Of repository " + named(repository.name) +
           " only the read and write entries exist in the workspace; read or write in " + table +
           " could grant more.",
       repository.where.line});
  add_entries(rules, repository, repository.read, "read",
              "may be read but not changed; write in " + table + " could grant more");
  add_entries(rules, repository, repository.write, "write", "may be read and changed");
  add_entries(rules, repository, repository.never, "never",
              "is never exposed; " + table + " says so and would have to drop it");
}

void add_session(std::vector<DecideRule>& rules, const model::SessionRules& session) {
  const bool limited = session.max_duration_s != 0;
  rules.push_back({"session.max_duration",
                   limited ? "The session ends after " +
                                 model::to_duration_text(session.max_duration_s) +
                                 "; max_duration in [session] could grant more."
                           : "No time limit ends the session; max_duration in [session] could set "
                             "one.",
                   limited ? session.max_duration_line.line : 0});
  rules.push_back(
      {"session.assurance",
       session.assurance == model::AssuranceLevel::kFull
           ? "The session opens only where the host gives every guarantee; assurance in "
             "[session] says so."
           : "The session opens also where the host cannot give every guarantee, and "
             "lists what is missing; assurance in [session] could demand all.",
       0});
  rules.push_back({"session.start_after",
                   "Work begins when the first event is stored by the broker; start_after in "
                   "[session] says so.",
                   0});
  rules.push_back({"session.keystrokes",
                   "Keystrokes are not recorded, what appears on the screen is; keystrokes in "
                   "[session] says so.",
                   0});
  rules.push_back({"session.on_record_failure",
                   "The session ends when it can no longer be recorded; on_record_failure in "
                   "[session] says so.",
                   0});
}

}  // namespace

std::vector<DecideRule> rules_of(const model::Profile& profile) {
  std::vector<DecideRule> rules;
  for (const Repository& repository : profile.repositories)
    add_repository(rules, repository);
  for (const model::Credential& credential : profile.credentials) {
    rules.push_back({"credential." + credential.name,
                     "Credential " + named(credential.name) + " for " + named(credential.audience) +
                         " is handed out for " + model::to_duration_text(credential.ttl_s) +
                         " at a time while the session lives; other credentials need a "
                         "[[credential]] table.",
                     credential.where.line});
  }
  add_session(rules, profile.session);
  rules.push_back({"toolchain.root",
                   "Programs come from the host's /usr, read-only; root in [toolchain] says so.",
                   0});
  rules.push_back({std::string(kNetworkRule),
                   "Nothing on any network may be reached; a [[network]] table could grant it.",
                   0});
  rules.push_back({std::string(kHostFilesRule),
                   "The host's own files and sockets are not shared; only [[repository]] and "
                   "[toolchain] tables grant files.",
                   0});
  rules.push_back({std::string(kSyscallRule),
                   "System calls that an ordinary program does not need are refused; a [grants] "
                   "table could grant some.",
                   0});
  return rules;
}

}  // namespace carrel::decide
