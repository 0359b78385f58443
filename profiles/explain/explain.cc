#include "profiles/explain/explain.h"

#include "profiles/base/text.h"
#include "profiles/decide/rules.h"
#include "profiles/explain/page.h"
#include "profiles/model/words.h"

namespace carrel::explain {
namespace {

using model::PathEntry;
using model::Repository;

std::string named(std::string_view text) {
  return '"' + quoted(text) + '"';
}

void add_entries(Page& page, std::string_view title, const std::vector<PathEntry>& entries) {
  if (entries.empty()) return;
  page.line(1, title);
  for (const PathEntry& entry : entries)
    page.line(2, quoted(entry.path.text()));
}

void add_head(Page& page, const model::Profile& profile) {
  page.line(0, "Profile " + named(profile.name) + ", version " + std::to_string(profile.version) +
                   ": " + quoted(profile.summary));
  page.gap();
  page.line(0, "Purpose: " + std::string(model::word_of(model::kUseWords, profile.purpose.use)));
  std::string_view rest = profile.purpose.statement;
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    page.line(1, quoted(rest.substr(0, end)));
    rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
  }
}

void add_repository(Page& page, const Repository& repository) {
  page.gap();
  page.line(0, "Repository " + named(repository.name) + ": " + named(repository.source) + " at " +
                   named(repository.ref) + ", without its history, at /workspaces/" +
                   repository.name);
  add_entries(page, "may be read and changed:", repository.write);
  add_entries(page, "may be read, not changed:", repository.read);
  add_entries(page, "is never there, whatever else is granted:", repository.never);
  page.line(1, repository.read.empty() && repository.write.empty()
                   ? "Nothing of it exists in the workspace."
                   : "Nothing else of it exists in the workspace. What is changed stays there: "
                     "nothing goes back to the repository by itself.");
}

void add_credentials(Page& page, const std::vector<model::Credential>& credentials) {
  page.gap();
  if (credentials.empty()) page.line(0, "Credentials: none.");
  for (const model::Credential& credential : credentials) {
    page.line(0, "Credential " + named(credential.name) + ": a signed token (JWT) for " +
                     named(credential.audience) + ", valid for " +
                     model::to_duration_text(credential.ttl_s) +
                     " at a time, renewed while the session lives, gone at its end; a file below "
                     "/run/carrel/credentials/" +
                     credential.name);
  }
}

void add_session(Page& page, const model::SessionRules& session) {
  page.gap();
  page.line(0, "Network: none. Nothing outside the workspace can be reached.");
  page.line(0, session.max_duration_s == 0
                   ? "Time: no limit."
                   : "Time: a session ends after " +
                         model::to_duration_text(session.max_duration_s) + ".");
  page.line(0, "Programs: the host's own, from its /usr, read-only.");
  page.gap();
  page.line(
      0,
      "Recorded: what appears on the terminal, every program started, every file opened, made, "
      "changed, renamed or removed, every connection tried, every refusal with its rule, and "
      "the contents of changed files. Keystrokes are not recorded.");
  page.line(0,
            "Work begins when the record's first event is stored; the session ends when it can no "
            "longer be recorded.");
  page.line(0, session.assurance == model::AssuranceLevel::kFull
                   ? "Guarantees: all. Where the host cannot give one, no session opens."
                   : "Guarantees: the best that the host can give; what it cannot is listed in the "
                     "record and on the screen.");
  page.line(
      0,
      "Who may look: whoever has the right to review in the organisation that keeps the record. "
      "On a machine of one's own that is the person who opens the session, and root.");
}

/// A rule that the profile's author did not have to write, with its value as it is when left out.
bool is_default(const decide::DecideRule& rule, const model::Profile& profile) {
  if (rule.id == "session.assurance") {
    return profile.session.assurance == model::AssuranceLevel::kBest;
  }
  if (rule.id == "session.max_duration") return profile.session.max_duration_s == 0;
  return rule.id.starts_with("session.") || rule.id.starts_with("default:") ||
         rule.id.starts_with("toolchain.");
}

}  // namespace

std::string explain(const model::Profile& profile) {
  Page page;
  add_head(page, profile);
  for (const Repository& repository : profile.repositories)
    add_repository(page, repository);
  if (profile.repositories.empty()) {
    page.gap();
    page.line(0, "Repositories: none.");
  }
  add_credentials(page, profile.credentials);
  add_session(page, profile.session);
  page.gap();
  page.line(0, "Defaults, which hold without a line in the profile:");
  for (const decide::DecideRule& rule : decide::rules_of(profile)) {
    if (is_default(rule, profile)) page.item(rule.id, rule.words);
  }
  return page.text();
}

}  // namespace carrel::explain
