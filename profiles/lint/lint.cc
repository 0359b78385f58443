#include "profiles/lint/lint.h"

#include <algorithm>
#include <tuple>

#include "profiles/base/text.h"
#include "profiles/lint/network.h"
#include "profiles/model/words.h"

namespace carrel::lint {
namespace {

using model::PathEntry;
using model::Repository;
using model::SourceLine;

constexpr uint64_t kLongSession = uint64_t{24} * 3600;
constexpr uint64_t kLongLease = 300;
constexpr size_t kShortReason = 12;

std::string named(std::string_view text) {
  return '"' + quoted(text) + '"';
}

class Linter {
 public:
  Linter(const model::Profile& profile, const std::function<bool(std::string_view)>& is_supported)
      : profile_(profile), is_supported_(is_supported) {}

  std::vector<Finding> run() {
    for (const Repository& repository : profile_.repositories)
      look_at(repository);
    for (const model::Network& network : profile_.networks) {
      for (Finding& finding : look_at_network(network))
        found_.push_back(std::move(finding));
    }
    for (const model::Credential& credential : profile_.credentials)
      look_at(credential);
    for (const model::Forward& forward : profile_.forwards)
      look_at(forward);
    for (const model::Widen& widen : profile_.widened)
      look_at(widen);
    look_at_session();
    look_at_purpose();
    std::stable_sort(found_.begin(), found_.end(), [](const Finding& a, const Finding& b) {
      return std::tie(a.where.file, a.where.line) < std::tie(b.where.file, b.where.line);
    });
    return std::move(found_);
  }

 private:
  void add(Grade grade, SourceLine where, std::string rule, std::string words) {
    found_.push_back({grade, where, std::move(rule), std::move(words)});
  }

  void look_at(const Repository& repository) {
    const std::string rule = "repository." + repository.name;
    if (repository.read.empty() && repository.write.empty()) {
      add(Grade::kWarning, repository.where, rule,
          "nothing of repository " + named(repository.name) +
              " is exposed; write read or write, or take the table out");
    }
    for (const PathEntry& entry : repository.read)
      look_at_entry(entry, rule + ".read.", "read", Grade::kWarning, sensitive_read);
    for (const PathEntry& entry : repository.write) {
      look_at_entry(entry, rule + ".write.", "changed", Grade::kDanger, sensitive_write);
      if (entry.path.parts().size() == 1 && sensitive_write(entry.path.text()).empty()) {
        add(Grade::kNote, entry.where, rule + ".write." + entry.path.text(),
            named(entry.path.text()) +
                " lies at the root of the repository and may be changed "
                "with all below; name the folder that the task is about");
      }
    }
    for (const PathEntry& entry : repository.never)
      look_at_never(repository, entry);
    if (repository.submit && repository.submit->reviewers.empty()) {
      add(Grade::kNote, repository.submit->where, rule + ".submit",
          "work can be handed in and nobody is named to review it; write reviewers");
    }
  }

  void look_at_entry(const PathEntry& entry, const std::string& rule, std::string_view may_be,
                     Grade grade, std::string_view (*why_of)(std::string_view)) {
    const std::string path = entry.path.text();
    const std::string_view why = why_of(path);
    if (why.empty()) return;
    add(grade, entry.where, rule + path,
        named(path) + " may be " + std::string(may_be) + " and " + std::string(why) +
            "; take it out, or name what the task needs of it");
  }

  void look_at_never(const Repository& repository, const PathEntry& hidden) {
    const auto covers = [&hidden](const PathEntry& entry) {
      return hidden.path.is_at_or_below(entry.path);
    };
    const bool cuts = std::any_of(repository.read.begin(), repository.read.end(), covers) ||
                      std::any_of(repository.write.begin(), repository.write.end(), covers);
    if (cuts) return;
    add(Grade::kNote, hidden.where,
        "repository." + repository.name + ".never." + hidden.path.text(),
        named(hidden.path.text()) +
            " is hidden already, since no entry exposes it; the line only "
            "guards against later ones");
  }

  void look_at(const model::Credential& credential) {
    const bool used =
        credential.kind != model::CredentialKind::kHeader ||
        std::any_of(profile_.networks.begin(), profile_.networks.end(),
                    [&credential](const auto& one) { return one.credential == credential.name; });
    if (!used) {
      add(Grade::kWarning, credential.where, "credential." + credential.name,
          "credential " + named(credential.name) +
              " is put in nowhere; name it as credential in the [[network]] that it is for");
    }
    const bool copied = credential.kind == model::CredentialKind::kJwt ||
                        credential.kind == model::CredentialKind::kFile;
    if (!copied || credential.ttl_s <= kLongLease) return;
    add(Grade::kWarning, credential.where, "credential." + credential.name + ".ttl",
        "a copy of credential " + named(credential.name) + " that leaves is good for " +
            model::to_duration_text(credential.ttl_s) +
            "; it is renewed by itself, so write a ttl of \"2m\"");
  }

  void look_at(const model::Forward& forward) {
    if (forward.port >= 1024) return;
    add(Grade::kNote, forward.where, "forward." + std::to_string(forward.port),
        "no program inside may listen on port " + std::to_string(forward.port) +
            "; name one from 1024");
  }

  void look_at(const model::Widen& widen) {
    const std::string rule = widen.of.substr(widen.of.find(':') + 1);
    const bool whole = rule.find('.') == std::string::npos;
    add(whole ? Grade::kDanger : Grade::kNote, widen.where, rule,
        "goes beyond " + named(widen.of) +
            (whole ? ", which is a whole table; name the rule that is meant"
                   : " by the word of " + named(widen.approved_by)));
    if (widen.reason.size() < kShortReason) {
      add(Grade::kWarning, widen.where, rule,
          "the reason " + named(widen.reason) + " tells a reviewer little; say what needs it");
    }
  }

  void look_at_session() {
    const model::SessionRules& session = profile_.session;
    if (session.max_duration_s == 0) {
      add(Grade::kWarning, {}, "session.max_duration",
          "no time limit ends a session; write max_duration in [session]");
    } else if (session.max_duration_s > kLongSession) {
      add(Grade::kNote, session.max_duration_line, "session.max_duration",
          "a session may last " + model::to_duration_text(session.max_duration_s) +
              "; a workday is enough for most tasks");
    }
    if (session.idle_timeout_s == 0 && is_supported_("session.idle_timeout")) {
      add(Grade::kNote, {}, "session.idle_timeout",
          "an open session that nobody sits at stays open; write idle_timeout in [session]");
    }
    if (session.assurance == model::AssuranceLevel::kBest) {
      add(Grade::kNote, {}, "session.assurance",
          "sessions open also where the host cannot give every guarantee; assurance = \"full\" "
          "refuses that");
    }
  }

  void look_at_purpose() {
    const bool foreign = !profile_.repositories.empty();
    if (foreign && profile_.purpose.recipients.empty() && is_supported_("purpose.recipients")) {
      add(Grade::kNote, {}, "purpose.recipients",
          "any organisation may be given this; write recipients in [purpose]");
    }
    if (foreign && !profile_.purpose.agreement && is_supported_("purpose.agreement")) {
      add(Grade::kNote, {}, "purpose.agreement",
          "nothing is accepted before the first opening; write agreement in [purpose]");
    }
  }

  const model::Profile& profile_;
  const std::function<bool(std::string_view)>& is_supported_;
  std::vector<Finding> found_;
};

}  // namespace

std::string_view word_of(Grade grade) {
  switch (grade) {
    case Grade::kNote:
      return "note";
    case Grade::kWarning:
      return "warning";
    case Grade::kDanger:
      return "danger";
  }
  return "";
}

std::vector<Finding> lint(const model::Profile& profile,
                          const std::function<bool(std::string_view key)>& is_supported) {
  return Linter(profile, is_supported).run();
}

}  // namespace carrel::lint
