#include "profiles/decide/rules.h"

#include "profiles/base/text.h"
#include "profiles/decide/network.h"
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
         entry.where});
  }
}

void add_repository(std::vector<DecideRule>& rules, const Repository& repository) {
  const std::string table = "[[repository]] " + named(repository.name);
  rules.push_back(
      {"repository." + repository.name,
       "Of repository " + named(repository.name) +
           " only the read and write entries exist in the workspace; read or write in " + table +
           " could grant more.",
       repository.where});
  add_entries(rules, repository, repository.read, "read",
              "may be read but not changed; write in " + table + " could grant more");
  add_entries(rules, repository, repository.write, "write", "may be read and changed");
  add_entries(rules, repository, repository.never, "never",
              "is never exposed; " + table + " says so and would have to drop it");
  if (repository.enforce == model::Enforce::kGate) {
    rules.push_back({"repository." + repository.name + ".enforce",
                     "What is changed below read entries of repository " + named(repository.name) +
                         " stays in the workspace and is refused when handed in; enforce in " +
                         table + " says so.",
                     repository.enforce_line});
  }
  if (repository.submit) {
    rules.push_back({"repository." + repository.name + ".submit",
                     "Work may be handed in at " + named(repository.submit->refs) + "; submit in " +
                         table + " could grant another place.",
                     repository.submit->where});
  }
}

std::string_view start_words(model::StartAfter start) {
  switch (start) {
    case model::StartAfter::kRecorded:
      return "Work begins when the first event is stored by the broker; start_after in [session] "
             "says so.";
    case model::StartAfter::kSealed:
      return "Work begins when the first seal is stored by the broker; start_after in [session] "
             "says so.";
    case model::StartAfter::kAnchored:
      return "Work begins when the first seal is in the ledger; start_after in [session] says so.";
    case model::StartAfter::kWitnessed:
      return "Work begins when witnesses have signed for the first seal; start_after in [session] "
             "says so.";
  }
  return "";
}

std::string_view keystroke_words(model::Keystrokes keystrokes) {
  switch (keystrokes) {
    case model::Keystrokes::kOff:
      return "Keystrokes are not recorded, what appears on the screen is; keystrokes in [session] "
             "says so.";
    case model::Keystrokes::kLengths:
      return "Of keystrokes only times and lengths are recorded; keystrokes in [session] says so.";
    case model::Keystrokes::kFull:
      return "Keystrokes are recorded, also what does not appear on the screen; keystrokes in "
             "[session] says so.";
  }
  return "";
}

void add_session(std::vector<DecideRule>& rules, const model::SessionRules& session) {
  const bool limited = session.max_duration_s != 0;
  rules.push_back({"session.max_duration",
                   limited ? "The session ends after " +
                                 model::to_duration_text(session.max_duration_s) +
                                 "; max_duration in [session] could grant more."
                           : "No time limit ends the session; max_duration in [session] could set "
                             "one.",
                   limited ? session.max_duration_line : model::SourceLine{}});
  if (session.idle_timeout_s != 0) {
    rules.push_back({"session.idle_timeout",
                     "The session ends when nothing was typed for " +
                         model::to_duration_text(session.idle_timeout_s) +
                         "; idle_timeout in [session] could grant more.",
                     session.idle_timeout_line});
  }
  if (session.hours) {
    const model::Hours& hours = *session.hours;
    rules.push_back({"session.hours",
                     "Sessions are open " + model::to_days_text(hours.days) + " from " +
                         model::to_time_text(hours.from_min) + " to " +
                         model::to_time_text(hours.to_min) + " (" + quoted(hours.zone) +
                         "); hours in [session] could grant more.",
                     hours.where});
  }
  rules.push_back(
      {"session.assurance",
       session.assurance == model::AssuranceLevel::kFull
           ? "The session opens only where the host gives every guarantee; assurance in "
             "[session] says so."
           : "The session opens also where the host cannot give every guarantee, and "
             "lists what is missing; assurance in [session] could demand all.",
       {}});
  rules.push_back({"session.start_after", std::string(start_words(session.start_after)), {}});
  rules.push_back({"session.keystrokes", std::string(keystroke_words(session.keystrokes)), {}});
  rules.push_back({"session.on_record_failure",
                   session.on_record_failure == model::OnRecordFailure::kEnd
                       ? "The session ends when it can no longer be recorded; on_record_failure in "
                         "[session] says so."
                       : "The session stands still while it cannot be recorded; on_record_failure "
                         "in [session] says so.",
                   {}});
}

/// Ceilings hold whether or not the profile names them.
void add_limits(std::vector<DecideRule>& rules, const model::Limits& limits) {
  const auto add = [&rules](bool holds, std::string_view key, const std::string& words,
                            model::SourceLine where) {
    if (!holds) return;
    rules.push_back({"limits." + std::string(key),
                     "The workspace has at most " + words + "; " + std::string(key) +
                         " in [limits] could grant more.",
                     where});
  };
  add(limits.cpu_milli != 0, "cpu", model::to_cpu_text(limits.cpu_milli) + " processors",
      limits.cpu_line);
  add(true, "memory", model::to_size_text(limits.memory_bytes) + " of memory", limits.memory_line);
  add(true, "processes", std::to_string(limits.processes) + " processes", limits.processes_line);
  add(true, "disk", model::to_size_text(limits.disk_bytes) + " of disk", limits.disk_line);
  add(true, "inodes", std::to_string(limits.inodes) + " files on its disk", limits.inodes_line);
  add(true, "tmpfs", model::to_size_text(limits.tmpfs_bytes) + " in /tmp", limits.tmpfs_line);
  add(true, "open_files", std::to_string(limits.open_files) + " open files in each process",
      limits.open_files_line);
}

std::string origin_of(const model::Credential& credential) {
  return credential.kind == model::CredentialKind::kJwt ? "for " + named(credential.audience)
                                                        : "from " + named(credential.from);
}

void add_grants(std::vector<DecideRule>& rules, const model::Profile& profile) {
  for (const model::Interface& interface : profile.interfaces) {
    rules.push_back({"interface." + interface.name,
                     named(interface.path) + " stands for " + named(interface.name) +
                         ", which is hidden; an [[interface]] table could grant another.",
                     interface.where});
  }
  for (const model::Network& network : profile.networks) {
    rules.push_back(
        {rule_of(network), words_of(profile, {Verdict::kAllowed, "", &network}), network.where});
  }
  for (const model::Forward& forward : profile.forwards) {
    rules.push_back({"forward." + std::to_string(forward.port),
                     "A channel may reach port " + std::to_string(forward.port) +
                         " inside; a [[forward]] table could grant another.",
                     forward.where});
  }
}

}  // namespace

std::vector<DecideRule> rules_of(const model::Profile& profile) {
  std::vector<DecideRule> rules;
  for (const Repository& repository : profile.repositories)
    add_repository(rules, repository);
  add_grants(rules, profile);
  for (const model::Credential& credential : profile.credentials) {
    rules.push_back({"credential." + credential.name,
                     "Credential " + named(credential.name) + " " + origin_of(credential) +
                         " is handed out for " + model::to_duration_text(credential.ttl_s) +
                         (credential.issue == model::CredentialIssue::kRequest
                              ? " at a time while a request for it is granted"
                              : " at a time while the session lives") +
                         "; other credentials need a [[credential]] table.",
                     credential.where});
  }
  add_session(rules, profile.session);
  add_limits(rules, profile.limits);
  rules.push_back({"toolchain.root",
                   profile.toolchain.root == "host"
                       ? "Programs come from the host's /usr, read-only; root in [toolchain] says "
                         "so."
                       : "Programs come from " + named(profile.toolchain.root) +
                             ", read-only; root in [toolchain] says so.",
                   {}});
  rules.push_back({std::string(kNetworkRule), words_of(profile, {}), {}});
  rules.push_back({std::string(kForwardRule),
                   profile.forwards.empty()
                       ? "Nothing inside may be reached through a channel; a [[forward]] table "
                         "could grant a port."
                       : "Nothing else inside may be reached through a channel; a [[forward]] "
                         "table could grant a port.",
                   {}});
  rules.push_back({std::string(kHostFilesRule),
                   "The host's own files and sockets are not shared; only [[repository]] and "
                   "[toolchain] tables grant files.",
                   {}});
  rules.push_back({std::string(kSyscallRule),
                   "System calls that an ordinary program does not need are refused; a [grants] "
                   "table could grant some.",
                   {}});
  return rules;
}

}  // namespace carrel::decide
