#include "broker/service/monitor/task_rules.h"

#include <algorithm>
#include <set>

#include "broker/record/evidence/sha256.h"
#include "broker/service/people/standalone.h"
#include "profiles/base/rfc3339.h"
#include "profiles/base/text.h"
#include "profiles/parse/checks.h"

namespace carrel::monitor {
namespace {

constexpr size_t kMaxAnswer = 200;
constexpr size_t kMaxReason = 1024;

std::string to_seconds(uint64_t unix_ns) {
  return to_rfc3339(unix_ns).substr(0, 19) + "Z";
}

std::string short_name(const std::string& task) {
  return task.substr(task.find('/') + 1);
}

bool same_extended(const protocol::OpenRequest& request, const store::Task& task) {
  return std::equal(request.extended().begin(), request.extended().end(), task.extended.begin(),
                    task.extended.end(),
                    [](const protocol::ExtendedSource& one, const store::ExtendedSource& other) {
                      return one.name() == other.name && one.source() == other.source;
                    });
}

std::string digest_hex(std::string_view text) {
  return to_hex(evidence::as_view(evidence::sha256(text)));
}

}  // namespace

Status check_reason(const std::string& reason) {
  if (reason.find_first_not_of(' ') == std::string::npos) {
    return Error{"give a reason (--reason): it is recorded"};
  }
  if (reason.size() > kMaxReason) return Error{"the reason is longer than 1024 bytes"};
  const bool control = std::any_of(reason.begin(), reason.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (control) return Error{"the reason is not one line of text"};
  return Done{};
}

Result<std::string> task_id(std::string_view name) {
  const std::string prefix = std::string(people::kLocal) + "/";
  if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  if (parse::check_name(name).has_value()) {
    return Error{"\"" + quoted(name.substr(0, 64)) +
                 "\" names no task: a name has lower-case letters, digits and dashes"};
  }
  return people::local_task(name);
}

std::optional<std::string> why_not_open(const store::Task* known,
                                        const protocol::OpenRequest& request,
                                        const std::string& person, uint64_t now_ns) {
  const bool by_name = !request.task().empty();
  if (known == nullptr) {
    if (by_name) return "no such task; carrel task list shows those that you may open";
    return std::nullopt;
  }
  const std::string shown = "task " + known->id;
  if (known->source.empty()) {
    if (by_name) return shown + " has no profile of its own: open it with --profile FILE";
    return std::nullopt;
  }
  if (std::find(known->people.begin(), known->people.end(), person) == known->people.end()) {
    return shown + " is not given to " + person + ": ask " + known->created_by;
  }
  if (known->ended_ns != 0) {
    return shown + " was ended by " + known->ended_by + " at " + to_seconds(known->ended_ns) +
           ": " + known->end_reason;
  }
  if (known->until_ns != 0 && now_ns >= known->until_ns) {
    return shown + " was given until " + to_seconds(known->until_ns) + ": ask " + known->created_by;
  }
  if (request.profile_source() != known->source || !same_extended(request, *known)) {
    return shown + " has a profile of its own: carrel open " + short_name(known->id);
  }
  if (request.agreement_text() != known->agreement_text) {
    return shown + " has an agreement of its own: carrel open " + short_name(known->id);
  }
  return std::nullopt;
}

namespace {

/// A name is free where nobody has it, or where it was a profile's that was opened and has ended.
Status check_free(const store::Task* known) {
  if (known == nullptr) return Done{};
  const std::string shown = "task " + known->id;
  if (!known->source.empty()) return Error{shown + " is there already; choose another name"};
  if (known->ended_ns == 0) {
    return Error{shown +
                 " was registered by opening its profile; choose another name, or end it "
                 "first: carrel task end " +
                 short_name(known->id)};
  }
  return Done{};
}

Result<std::vector<std::string>> check_people(const protocol::TaskCreateRequest& request) {
  if (request.people_size() == 0) return Error{"give the task to somebody (--person P)"};
  if (static_cast<size_t>(request.people_size()) > kMaxPeople) {
    return Error{"more than 64 people; make a task for each group"};
  }
  std::set<std::string> people;
  for (const std::string& person : request.people()) {
    if (!people::local_uid(person).has_value()) {
      return Error{"\"" + quoted(person.substr(0, 64)) +
                   "\" is no person of this machine: local:UID, or the name of a user"};
    }
    people.insert(person);
  }
  return std::vector<std::string>(people.begin(), people.end());
}

}  // namespace

Result<store::Task> make_task(const store::Task* known, const protocol::TaskCreateRequest& request,
                              const ReadProfile& read, const std::string& creator,
                              uint64_t now_ns) {
  RETURN_IF_ERROR(check_free(known));
  store::Task task;
  ASSIGN_OR_RETURN(task.id, task_id(request.name()));
  ASSIGN_OR_RETURN(task.people, check_people(request));
  if (request.until_ns() != 0 && request.until_ns() <= now_ns) {
    return Error{"--until is over already: " + to_seconds(request.until_ns())};
  }
  if (request.profile_path().empty() || request.profile_path()[0] != '/') {
    return Error{"the profile's path is not absolute"};
  }
  if (read.agreement.has_value() != !request.agreement_text().empty()) {
    return Error{read.agreement.has_value() ? "the profile's agreement has no text"
                                            : "the profile has no agreement"};
  }
  if (request.agreement_text().size() > kMaxAgreement) {
    return Error{"the agreement is larger than 256 KiB"};
  }
  task.created_by = creator;
  task.created_ns = now_ns;
  task.until_ns = request.until_ns();
  task.profile = read.profile.name;
  task.profile_version = read.profile.version;
  task.profile_sha256 = digest_hex(read.canonical);
  task.source = request.profile_source();
  task.path = request.profile_path();
  task.agreement_text = request.agreement_text();
  for (const protocol::ExtendedSource& each : request.extended())
    task.extended.push_back({each.name(), each.source()});
  return task;
}

Result<AgreementAnswer> judge_agreement(const AgreementTerms& terms,
                                        const protocol::OpenRequest& request,
                                        const std::string& task, const std::string& person,
                                        const std::optional<store::Acceptance>& known,
                                        uint64_t now_ns) {
  const std::string& text = request.agreement_text();
  if (text.empty()) return Error{"the agreement " + quoted(terms.file) + " has no text"};
  if (text.size() > kMaxAgreement) return Error{"the agreement is larger than 256 KiB"};
  const std::string digest = digest_hex(text);
  std::optional<store::Acceptance> acceptance = known;
  AgreementAnswer answer;
  const std::string& how = request.accept_how();
  if (!acceptance.has_value() && !request.accept_sha256().empty()) {
    if (request.accept_sha256() != digest) {
      return Error{"what was accepted is not the agreement's text: its SHA-256 is " + digest};
    }
    if ((how != "typed" && how != "flag") || request.accept_answer().size() > kMaxAnswer) {
      return Error{"malformed acceptance"};
    }
    acceptance = store::Acceptance{
        task, person, digest, terms.version, now_ns, how, request.accept_answer()};
    answer.accepted = acceptance;
  }
  if (!acceptance.has_value()) {
    answer.needed.emplace();
    answer.needed->set_task(task);
    answer.needed->set_file(terms.file);
    answer.needed->set_version(terms.version);
    answer.needed->set_text_sha256(digest);
    return answer;
  }
  answer.agreement.emplace();
  answer.agreement->set_file(terms.file);
  answer.agreement->set_version(acceptance->version);
  answer.agreement->set_text_sha256(std::string(evidence::as_view(evidence::sha256(text))));
  answer.agreement->set_accepted_ns(acceptance->accepted_ns);
  answer.agreement->set_how(acceptance->how);
  answer.agreement->set_answer(acceptance->answer);
  return answer;
}

}  // namespace carrel::monitor
