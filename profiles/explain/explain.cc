#include "profiles/explain/explain.h"

#include <algorithm>

#include "profiles/base/text.h"
#include "profiles/decide/network.h"
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

std::string listed(const std::vector<model::TextEntry>& entries) {
  std::string out;
  for (const model::TextEntry& entry : entries)
    out += (out.empty() ? "" : ", ") + named(entry.text);
  return out;
}

void add_entries(Page& page, std::string_view title, const std::vector<PathEntry>& entries) {
  if (entries.empty()) return;
  page.line(1, title);
  for (const PathEntry& entry : entries)
    page.line(2, quoted(entry.path.text()));
}

/// Who may receive it and what they accept, where the profile says so.
void add_terms(Page& page, const model::Purpose& purpose) {
  if (!purpose.recipients.empty())
    page.line(0, "Only for organisations: " + listed(purpose.recipients));
  if (!purpose.jurisdictions.empty()) {
    page.line(0, "Only for contractors registered in: " + listed(purpose.jurisdictions) +
                     " (as declared, not located)");
  }
  if (!purpose.agreement) return;
  const model::Agreement& agreement = *purpose.agreement;
  page.line(
      0, "At the first opening " + named(agreement.file) + ", version " +
             std::to_string(agreement.version) + ", has to be accepted" +
             (agreement.survives_s == 0 ? "."
                                        : "; its duties outlive the task by " +
                                              model::to_duration_text(agreement.survives_s) + "."));
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
  add_terms(page, profile.purpose);
}

std::string_view history_words(model::History history) {
  switch (history) {
    case model::History::kNone:
      return "without its history";
    case model::History::kSquashed:
      return "with its history squashed";
    case model::History::kFiltered:
      return "with the history of what is exposed";
  }
  return "";
}

void add_repository(Page& page, const Repository& repository) {
  page.gap();
  page.line(0, "Repository " + named(repository.name) + ": " + named(repository.source) + " at " +
                   named(repository.ref) + ", " + std::string(history_words(repository.history)) +
                   ", at /workspaces/" + repository.name);
  add_entries(page, "may be read and changed:", repository.write);
  add_entries(page, "may be read, not changed:", repository.read);
  if (repository.enforce == model::Enforce::kGate) {
    page.line(1,
              "What is changed below the read entries stays in the workspace and is refused "
              "when it is handed in.");
  }
  add_entries(page, "is never there, whatever else is granted:", repository.never);
  const bool nothing = repository.read.empty() && repository.write.empty();
  std::string rest = nothing ? "Nothing of it exists in the workspace."
                             : "Nothing else of it exists in the workspace.";
  if (repository.submit) {
    const model::Submit& submit = *repository.submit;
    rest += " Work may be handed in at " + named(submit.refs) + "; " +
            (submit.reviewers.empty() ? "anybody who may review reviews it"
                                      : listed(submit.reviewers) + " review it") +
            (submit.two_person ? ", two have to agree." : ".");
  } else if (!nothing) {
    rest += " What is changed stays there: nothing goes back to the repository by itself.";
  }
  page.line(1, rest);
}

std::string kind_words(const model::Credential& credential) {
  switch (credential.kind) {
    case model::CredentialKind::kJwt:
      return credential.alg == model::TokenAlg::kEdDsa
                 ? "a signed token (JWT)"
                 : "a token (JWT) signed with " +
                       std::string(model::word_of(model::kTokenAlgWords, credential.alg));
    case model::CredentialKind::kHeader:
      return "a secret in an HTTP header";
    case model::CredentialKind::kSshCertificate:
      return "an ssh certificate";
    case model::CredentialKind::kX509:
      return "a TLS client certificate";
    case model::CredentialKind::kFile:
      return "a file";
  }
  return "";
}

/// Where the gateway writes the secret.
std::string injected_words(const model::Credential& credential) {
  if (credential.kind != model::CredentialKind::kHeader) return "";
  const std::string start = ": the gateway writes it into the header ";
  if (credential.inject == model::kBearer) return start + "Authorization, as a bearer token";
  if (credential.inject == model::kBasic)
    return start + "Authorization, as the password of user " + named(credential.user);
  return start + named(credential.inject);
}

void add_credentials(Page& page, const std::vector<model::Credential>& credentials) {
  page.gap();
  if (credentials.empty()) page.line(0, "Credentials: none.");
  for (const model::Credential& credential : credentials) {
    const bool inside = credential.kind == model::CredentialKind::kJwt ||
                        credential.kind == model::CredentialKind::kFile;
    page.line(0, "Credential " + named(credential.name) + ": " + kind_words(credential) +
                     (credential.from.empty() ? " for " + named(credential.audience)
                                              : " from " + named(credential.from)) +
                     ", valid for " + model::to_duration_text(credential.ttl_s) + " at a time, " +
                     (credential.issue == model::CredentialIssue::kRequest
                          ? "issued when a request for it is granted, renewed until the grant "
                            "ends, gone then"
                          : "renewed while the session lives, gone at its end") +
                     (inside ? "; a file below /run/carrel/credentials/" + credential.name
                             : "; it is never inside the workspace" + injected_words(credential)));
  }
}

void add_http(Page& page, const model::HttpRule& rule) {
  std::string words = decide::requests_of(rule);
  if (rule.max_body) words += ", bodies of at most " + model::to_size_text(*rule.max_body);
  if (!rule.headers.empty()) words += ", also with the headers " + listed(rule.headers);
  if (rule.escaped_slash) words += ", also with %2F within a component of the path";
  if (rule.upgrade) words += ", and may become a websocket, whose bytes are not read";
  page.line(2, words);
}

std::string_view mode_words(model::NetworkMode mode) {
  switch (mode) {
    case model::NetworkMode::kInspect:
      return "read by the gateway";
    case model::NetworkMode::kPassthrough:
      return "encrypted, not read";
    case model::NetworkMode::kSsh:
      return "ssh to its known key";
    case model::NetworkMode::kTcp:
      return "any bytes, not read";
  }
  return "";
}

void add_host(Page& page, const model::Network& network) {
  std::string ports;
  for (const uint16_t port : network.ports)
    ports += (ports.empty() ? "" : ", ") + std::to_string(port);
  page.line(0, "Network: " + named(network.host) + ", port " + ports + ", " +
                   std::string(mode_words(network.mode)) +
                   (network.credential.empty()
                        ? "."
                        : "; the gateway puts in credential " + named(network.credential) + "."));
  if (!network.addresses.empty())
    page.line(1, "it may lie in the private networks " + listed(network.addresses) + ".");
  if (!network.http.empty()) page.line(1, "only these requests pass:");
  for (const model::HttpRule& rule : network.http)
    add_http(page, rule);
  if (network.budget.up || network.budget.down) {
    const auto words = [](std::optional<uint64_t> bytes) {
      return bytes ? "at most " + model::to_size_text(*bytes) : std::string("any amount");
    };
    page.line(1, words(network.budget.up) + " out and " + words(network.budget.down) +
                     " in, in one session.");
  }
  if (network.waiver) {
    page.line(
        1, named(network.waiver->by) + " answers for its risk: " + quoted(network.waiver->reason));
  }
}

/// What an author should know before a task's tools meet it.
void add_inspection(Page& page, const model::Profile& profile) {
  const bool inspects =
      std::any_of(profile.networks.begin(), profile.networks.end(),
                  [](const auto& network) { return network.mode == model::NetworkMode::kInspect; });
  if (!inspects) return;
  page.line(
      0,
      "What \"read by the gateway\" means: the gateway ends TLS with a certificate of this "
      "session, which the workspace's usual tools trust, and makes a connection of its own to "
      "the host. These do not work there: programs that accept only a certificate or an "
      "authority that is built into them; a client certificate that the workspace itself "
      "shows; websockets and escaped slashes (%2F) in paths, unless a rule says so; what needs "
      "HTTP/2, like gRPC; QUIC (HTTP/3), "
      "for which clients fall back to TCP. What a program sends as its own authorization or "
      "cookie is taken out.");
}

void add_network(Page& page, const model::Profile& profile) {
  page.gap();
  if (profile.networks.empty())
    page.line(0, "Network: none. Nothing outside the workspace can be reached.");
  for (const model::Network& network : profile.networks)
    add_host(page, network);
  add_inspection(page, profile);
  if (!profile.networks.empty()) page.line(0, "Nothing else outside the workspace can be reached.");
  for (const model::Forward& forward : profile.forwards) {
    page.line(0, "Port " + std::to_string(forward.port) +
                     " of the workspace can be reached through a channel.");
  }
}

void add_limits(Page& page, const model::Profile& profile) {
  for (const decide::DecideRule& rule : decide::rules_of(profile)) {
    if (rule.id.starts_with("limits.")) page.line(0, "Limit: " + rule.words);
  }
  const model::Retention& kept = profile.retention;
  if (kept.record_s != 0)
    page.line(0, "The record is kept " + model::to_duration_text(kept.record_s) + ".");
  if (kept.contents_s != 0) {
    page.line(0, "Contents of files in the record are kept " +
                     model::to_duration_text(kept.contents_s) + ".");
  }
  if (kept.workspace_s != 0) {
    page.line(0, "Work that was not handed in is kept " +
                     model::to_duration_text(kept.workspace_s) + " after the task's end.");
  }
}

void add_time(Page& page, const model::SessionRules& session) {
  page.line(0, session.max_duration_s == 0
                   ? "Time: no limit."
                   : "Time: a session ends after " +
                         model::to_duration_text(session.max_duration_s) + ".");
  if (session.idle_timeout_s != 0) {
    page.line(0, "It also ends when nothing was typed for " +
                     model::to_duration_text(session.idle_timeout_s) + ".");
  }
  if (session.hours) {
    page.line(0, "Open " + model::to_days_text(session.hours->days) + " from " +
                     model::to_time_text(session.hours->from_min) + " to " +
                     model::to_time_text(session.hours->to_min) + ", " +
                     quoted(session.hours->zone) + ".");
  }
}

void add_programs(Page& page, const model::Toolchain& toolchain) {
  page.line(0, toolchain.root == "host"
                   ? "Programs: the host's own, from its /usr, read-only."
                   : "Programs: from " + named(toolchain.root) + ", read-only.");
  if (!toolchain.packages.empty())
    page.line(0, "Packages built in: " + listed(toolchain.packages) + ".");
}

void add_recording(Page& page, const model::SessionRules& session) {
  std::string keystrokes = " Keystrokes are not recorded.";
  if (session.keystrokes == model::Keystrokes::kLengths)
    keystrokes = " Of keystrokes only times and lengths are recorded.";
  if (session.keystrokes == model::Keystrokes::kFull)
    keystrokes = " Keystrokes are recorded too, also what the screen does not show.";
  page.gap();
  page.line(0,
            "Recorded: what appears on the terminal, every program started, every file opened, "
            "made, changed, renamed or removed, every connection tried, every refusal with its "
            "rule, and the contents of changed files." +
                keystrokes);
  std::string start = "is stored";
  if (session.start_after == model::StartAfter::kSealed) start = "is sealed";
  if (session.start_after == model::StartAfter::kAnchored) start = "is in the ledger";
  if (session.start_after == model::StartAfter::kWitnessed) start = "is signed by witnesses";
  page.line(0, "Work begins when the record's first event " + start + "; the session " +
                   (session.on_record_failure == model::OnRecordFailure::kEnd
                        ? "ends when it can no longer be recorded."
                        : "stands still while it cannot be recorded."));
  page.line(0, session.assurance == model::AssuranceLevel::kFull
                   ? "Guarantees: all. Where the host cannot give one, no session opens."
                   : "Guarantees: the best that the host can give; what it cannot is listed in the "
                     "record and on the screen.");
  page.line(
      0,
      "Who may look: whoever has the right to review in the organisation that keeps the record. "
      "On a machine of one's own that is the person who opens the session, and root.");
}

void add_session(Page& page, const model::Profile& profile) {
  add_network(page, profile);
  add_time(page, profile.session);
  add_limits(page, profile);
  add_programs(page, profile.toolchain);
  add_recording(page, profile.session);
}

void add_widened(Page& page, const std::vector<model::Widen>& widened) {
  if (widened.empty()) return;
  page.gap();
  page.line(0, "Beyond what it extends:");
  for (const model::Widen& widen : widened) {
    page.line(1, quoted(widen.of) + ", approved by " + named(widen.approved_by) + ": " +
                     quoted(widen.reason));
  }
}

/// A rule that the profile's author did not have to write, with its value as it is when left out.
bool is_default(const decide::DecideRule& rule, const model::Profile& profile) {
  if (rule.id == "session.assurance") {
    return profile.session.assurance == model::AssuranceLevel::kBest;
  }
  if (rule.id == "session.max_duration") return profile.session.max_duration_s == 0;
  if (rule.id == "session.start_after")
    return profile.session.start_after == model::StartAfter::kRecorded;
  if (rule.id == "session.keystrokes") return profile.session.keystrokes == model::Keystrokes::kOff;
  if (rule.id == "session.on_record_failure")
    return profile.session.on_record_failure == model::OnRecordFailure::kEnd;
  if (rule.id == "toolchain.root") return profile.toolchain.root == "host";
  return rule.id.starts_with("default:");
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
  for (const model::Interface& interface : profile.interfaces) {
    page.gap();
    page.line(0, "Interface " + named(interface.name) + ": " + named(interface.path) + " (" +
                     std::string(model::word_of(model::kInterfaceWords, interface.kind)) +
                     ") stands for what stays hidden.");
  }
  add_credentials(page, profile.credentials);
  add_session(page, profile);
  add_widened(page, profile.widened);
  page.gap();
  page.line(0, "Defaults, which hold without a line in the profile:");
  for (const decide::DecideRule& rule : decide::rules_of(profile)) {
    if (is_default(rule, profile)) page.item(rule.id, rule.words);
  }
  return page.text();
}

}  // namespace carrel::explain
