#include "broker/service/monitor/monitor.h"

#include <algorithm>
#include <cerrno>
#include <optional>

#include "broker/record/evidence/sha256.h"
#include "broker/service/monitor/opening.h"
#include "broker/service/monitor/rows.h"
#include "broker/service/monitor/task_rules.h"
#include "broker/service/monitor/workspaces.h"
#include "broker/service/people/standalone.h"
#include "profiles/base/rfc3339.h"
#include "profiles/base/text.h"
#include "profiles/base/ulid.h"

namespace carrel::monitor {
namespace {

using people::Action;
using protocol::Message;
using protocol::Type;

// Exit codes of interfaces.md 1: for openings, and for all other verbs.
constexpr uint32_t kUsage = 120;
constexpr uint32_t kNotGranted = 121;
constexpr uint32_t kBroken = 123;
constexpr uint32_t kInvalid = 1;
constexpr uint32_t kNotFound = 2;

constexpr uint64_t kNsPerS = 1'000'000'000;
constexpr size_t kMaxLogged = 80;  // bytes of what a caller named

/// Somebody opens what runs already: they are to attach to it, if it is what they would have
/// opened; or to wait for its end.
Reply running_reply(const store::SessionRow& running, const store::SessionRow& wanted,
                    bool ending) {
  if (!ending && running.profile_sha256 != wanted.profile_sha256) {
    return failure(kUsage, "session " + running.session + " runs since " +
                               to_rfc3339(running.started_ns).substr(0, 19) +
                               "Z under another version of the profile: `carrel attach " +
                               running.session + "` joins it as it is, `carrel close " +
                               running.session + "` ends it");
  }
  protocol::OpenReply reply;
  reply.set_session(running.session);
  reply.set_workspace(running.workspace);
  reply.set_task(running.task);
  reply.set_running_session(running.session);
  reply.set_ending(ending);
  return reply_with(Type::kOpenReply, reply);
}

std::optional<Action> action_of(std::string_view word) {
  if (word == "verify") return Action::kVerify;
  for (const std::string_view review : {"show", "events", "replay", "diff", "net"}) {
    if (word == review) return Action::kReview;
  }
  return std::nullopt;
}

}  // namespace

Reply Monitor::answer_client(uid_t peer_uid, Message request) {
  if (request.type == Type::kAttachRequest) return attach(peer_uid, std::move(request));
  if (!request.fds.empty()) return failure(kInvalid, "descriptors out of turn");
  switch (request.type) {
    case Type::kOpenRequest:
      return open(peer_uid, request);
    case Type::kListRequest:
      return list(peer_uid);
    case Type::kRecordRequest:
      return record(peer_uid, request);
    case Type::kWorkspacesRequest:
      return workspaces(peer_uid);
    case Type::kCertificateRequest:
      return certificate(peer_uid, request);
    case Type::kStatusRequest:
      return status(peer_uid, request);
    case Type::kOrderRequest:
      return order(peer_uid, request);
    case Type::kApprovalsRequest:
      return approvals(peer_uid, request);
    case Type::kDecideRequest:
      return decide_request(peer_uid, request);
    case Type::kTokenRequest:
      return token(peer_uid, request);
    case Type::kTaskCreateRequest:
      return create_task(peer_uid, request);
    case Type::kTasksRequest:
      return list_tasks(peer_uid, request);
    case Type::kTaskEndRequest:
      return end_task(peer_uid, request);
    case Type::kTaskProfileRequest:
      return task_profile(peer_uid, request);
    default:
      return failure(kInvalid, "the broker does not know this request");
  }
}

/// A line that a caller causes as often as they like. All of them where the callers are no
/// strangers.
void Monitor::note(uid_t uid, const std::string& line) {
  if (parts_.serves == Serves::kCallersProfiles || uid == 0) return parts_.log(line);
  const LogBudget::Verdict verdict = log_budget_.take(uid, parts_.world.now_ns());
  if (verdict.left_out > 0) {
    parts_.log("lines.left_out uid=" + std::to_string(uid) +
               " count=" + std::to_string(verdict.left_out));
  }
  if (verdict.write) parts_.log(line);
}

// ---- opening -----------------------------------------------------------------------------------

Reply Monitor::open(uid_t peer_uid, const Message& message) {
  const auto request = protocol::parse_message<protocol::OpenRequest>(message);
  if (!request.ok()) return failure(kUsage, request.error().what);
  const std::string person = people::local_person(peer_uid);
  if (parts_.serves == Serves::kGivenTasks) {
    const Status given = judge_given(request.value(), person);
    if (!given.ok()) {
      note(peer_uid, "open.refused person=" + person +
                         " task=" + quoted(request.value().task().substr(0, kMaxLogged)) +
                         " why=" + quoted(given.error().what));
      return failure(given.error().sys_errno == EPERM ? kNotGranted : kBroken, given.error().what);
    }
  }
  const auto read = check_open_request(request.value(), parts_.read_profile, parts_.issuer);
  if (!read.ok()) return failure(kUsage, to_string(read.error()));
  const Status registered = people::register_local(parts_.catalogue, peer_uid);
  if (!registered.ok()) return failure(kBroken, to_string(registered.error()));
  const auto actor = people::load_actor(parts_.catalogue, peer_uid);
  if (!actor.ok()) return failure(kBroken, to_string(actor.error()));
  const auto decision = people::may(actor.value(), Action::kOpen, people::local_subject(person));
  if (!decision.allowed) return failure(kNotGranted, decision.reason);
  auto ids = make_ids();
  if (!ids.ok()) return failure(kBroken, to_string(ids.error()));
  const auto task = request.value().task().empty()
                        ? Result<std::string>(people::local_task(read.value().profile.name))
                        : task_id(request.value().task());
  if (!task.ok()) return failure(kNotGranted, task.error().what);
  Granted granted = make_granted(request.value(), read.value(), task.value(), person, ids.value());
  const Status judged = judge_task(request.value(), person, granted);
  if (!judged.ok()) {
    return failure(judged.error().sys_errno == EPERM ? kNotGranted : kBroken, judged.error().what);
  }
  const auto needed = judge_agreement(request.value(), read.value(), granted);
  if (!needed.ok()) return failure(kNotGranted, needed.error().what);
  if (needed.value().has_value()) return reply_with(Type::kAgreementNeeded, *needed.value());
  const Status placed = place(granted);
  if (!placed.ok()) return failure(kBroken, to_string(placed.error()));
  if (const store::SessionRow* running = running_at(granted.row.workspace)) {
    return running_reply(*running, granted.row, live_.at(running->session)->ending());
  }
  const uint64_t kept_s = read.value().workspace_kept_s;
  const Status kept = keep_after_end(parts_.catalogue, granted.row.workspace,
                                     kept_s == kWorkspaceKeptS ? 0 : kept_s * kNsPerS);
  if (!kept.ok()) return failure(kBroken, to_string(kept.error()));
  if (granted.spec.ByteSizeLong() > protocol::kMaxBody) {
    return failure(kUsage, "profile and command are too large together");
  }
  protocol::OpenReply reply;
  reply.set_session(granted.row.session);
  reply.set_workspace(granted.row.workspace);
  reply.set_task(granted.row.task);
  ticket::Claims claims;
  claims.uid = peer_uid;
  claims.session = granted.row.session;
  claims.workspace = granted.row.workspace;
  claims.task = granted.row.task;
  claims.digest = evidence::sha256(granted.spec.SerializeAsString());
  auto ticket =
      tickets_.issue(std::move(granted), std::move(claims), parts_.ticket_key, parts_.world);
  if (!ticket.ok()) return failure(kBroken, to_string(ticket.error()));
  reply.set_ticket(ticket.take());
  note(peer_uid, "open.granted session=" + reply.session() + " person=" + person +
                     " task=" + quoted(reply.task()));
  return reply_with(Type::kOpenReply, reply);
}

/// Of a service: nothing that the caller brings is looked at before it is a task of theirs, word
/// for word. Whether another's task exists is not told. EPERM: they cannot open it.
Status Monitor::judge_given(const protocol::OpenRequest& request, const std::string& person) {
  if (request.task().empty()) {
    return Error{
        "this host's service opens tasks that were given to you, no profile of your own: "
        "carrel task list shows them; your own with --state DIR",
        EPERM};
  }
  const Result<std::string> id = task_id(request.task());
  if (!id.ok()) return Error{id.error().what, EPERM};
  ASSIGN_OR_RETURN(const std::optional<store::Task> known, parts_.catalogue.task(id.value()));
  const bool given =
      known.has_value() && !known->source.empty() &&
      std::find(known->people.begin(), known->people.end(), person) != known->people.end();
  if (!given) {
    return Error{
        "no task " + id.value() + " is given to you; carrel task list shows those that are", EPERM};
  }
  const auto why = why_not_open(&*known, request, person, parts_.world.now_ns());
  if (why.has_value()) return Error{*why, EPERM};
  return Done{};
}

/// EPERM: the person cannot open it now.
Status Monitor::judge_task(const protocol::OpenRequest& request, const std::string& person,
                           Granted& granted) {
  ASSIGN_OR_RETURN(const std::optional<store::Task> known, parts_.catalogue.task(granted.row.task));
  const store::Task* task = known.has_value() ? &*known : nullptr;
  const auto why = why_not_open(task, request, person, parts_.world.now_ns());
  if (why.has_value()) return Error{*why, EPERM};
  if (task == nullptr) return Done{};
  granted.spec.set_task_until_ns(task->until_ns);
  // Where its repositories are is said by who made it, never by who opens it.
  if (!task->source.empty()) granted.spec.set_profile_path(task->path);
  return Done{};
}

/// What the person has to accept first; nothing where they have, or where there is nothing.
Result<std::optional<protocol::AgreementNeeded>> Monitor::judge_agreement(
    const protocol::OpenRequest& request, const ReadProfile& read, Granted& granted) {
  using Needed = std::optional<protocol::AgreementNeeded>;
  if (!read.agreement.has_value()) return Needed();
  const std::string digest = to_hex(evidence::as_view(evidence::sha256(request.agreement_text())));
  ASSIGN_OR_RETURN(const std::optional<store::Acceptance> known,
                   parts_.catalogue.acceptance(granted.row.task, granted.row.person, digest));
  ASSIGN_OR_RETURN(AgreementAnswer answer,
                   monitor::judge_agreement(*read.agreement, request, granted.row.task,
                                            granted.row.person, known, parts_.world.now_ns()));
  if (answer.accepted.has_value()) {
    RETURN_IF_ERROR(parts_.catalogue.put_acceptance(*answer.accepted));
    parts_.log("agreement.accepted task=" + quoted(granted.row.task) + " person=" +
               granted.row.person + " sha256=" + digest + " how=" + answer.accepted->how);
  }
  if (answer.agreement.has_value()) *granted.spec.mutable_agreement() = *answer.agreement;
  return std::move(answer.needed);
}

/// Gives the opening the workspace that its task and person have already, where there is one.
Status Monitor::place(Granted& granted) {
  const uint64_t now_ns = parts_.world.now_ns();
  RETURN_IF_ERROR(register_opening(parts_.catalogue, granted.row, now_ns));
  ASSIGN_OR_RETURN(const store::Workspace workspace,
                   workspace_for(parts_.catalogue, granted.row.task, granted.row.person,
                                 granted.row.workspace, now_ns));
  granted.row.workspace = workspace.id;
  granted.spec.set_workspace(workspace.id);
  return Done{};
}

/// The session that runs at this workspace; nothing where it is free. One whose closing seal is
/// kept does not run, though its supervisor may take a moment more to go.
const store::SessionRow* Monitor::running_at(const std::string& workspace) const {
  for (const auto& [session, live] : live_) {
    const store::SessionRow& row = live->row();
    if (row.workspace == workspace && row.state == store::SessionState::kRunning) return &row;
  }
  return nullptr;
}

Result<std::pair<std::string, std::string>> Monitor::make_ids() {
  const uint64_t now_ms = parts_.world.now_ns() / 1'000'000;
  ASSIGN_OR_RETURN(const std::string random, parts_.world.random(20));
  return std::pair(make_ulid(now_ms, random.substr(0, 10)), make_ulid(now_ms, random.substr(10)));
}

// ---- reading -----------------------------------------------------------------------------------

Result<std::vector<store::SessionRow>> Monitor::visible_rows(const people::Actor& actor) {
  ASSIGN_OR_RETURN(std::vector<store::SessionRow> rows, parts_.catalogue.sessions());
  for (store::SessionRow& row : rows) {
    if (const auto kept = unsaved_.find(row.session); kept != unsaved_.end()) row = kept->second;
    if (const auto found = live_.find(row.session); found != live_.end()) {
      row = found->second->row();
    }
  }
  std::erase_if(rows, [&actor](const store::SessionRow& row) {
    return !people::may(actor, Action::kList, people::local_subject(row.person)).allowed;
  });
  return rows;
}

Reply Monitor::list(uid_t peer_uid) {
  const auto actor = people::load_actor(parts_.catalogue, peer_uid);
  if (!actor.ok()) return failure(kInvalid, to_string(actor.error()));
  const auto rows = visible_rows(actor.value());
  if (!rows.ok()) return failure(kInvalid, to_string(rows.error()));
  return reply_with(Type::kListReply, to_list(rows.value()));
}

Reply Monitor::record(uid_t peer_uid, const Message& message) {
  const auto request = protocol::parse_message<protocol::RecordRequest>(message);
  if (!request.ok()) return failure(kInvalid, request.error().what);
  const auto action = action_of(request.value().action());
  if (!action.has_value()) return failure(kInvalid, "no such action on a record");
  const auto actor = people::load_actor(parts_.catalogue, peer_uid);
  if (!actor.ok()) return failure(kInvalid, to_string(actor.error()));
  const auto rows = visible_rows(actor.value());
  if (!rows.ok()) return failure(kInvalid, to_string(rows.error()));
  const auto row = find_row(rows.value(), request.value().session());
  if (!row.ok()) return failure(kNotFound, row.error().what);
  const auto decision =
      people::may(actor.value(), *action, people::local_subject(row.value().person));
  note(peer_uid, "record." + request.value().action() + " session=" + row.value().session +
                     " uid=" + std::to_string(peer_uid) +
                     " allowed=" + (decision.allowed ? "1" : "0"));
  if (!decision.allowed) return failure(kNotFound, decision.reason);
  auto folder = parts_.records.open_record(row.value().session);
  if (!folder.ok()) return failure(kNotFound, to_string(folder.error()));
  protocol::RecordReply answer;
  *answer.mutable_row() = to_message(row.value());
  Reply reply = reply_with(Type::kRecordReply, answer);
  reply.fds.push_back(folder.take());
  return reply;
}

}  // namespace carrel::monitor
