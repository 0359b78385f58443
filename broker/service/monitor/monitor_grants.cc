// Requests of sessions for more than their profile, and who decides them. They live in memory, as
// long as their session does.

#include <algorithm>
#include <vector>

#include "broker/record/evidence/sha256.h"
#include "broker/service/monitor/monitor.h"
#include "broker/service/monitor/rows.h"
#include "broker/service/monitor/task_rules.h"
#include "broker/service/people/standalone.h"
#include "broker/wire/protocol/grant_text.h"
#include "profiles/base/text.h"

namespace carrel::monitor {
namespace {

using people::Action;
using protocol::Message;
using protocol::Type;

constexpr uint32_t kInvalid = 1;
constexpr uint32_t kNotFound = 2;

protocol::ApprovalRow to_row(const store::SessionRow& session,
                             const LiveSession::GrantRequest& open, const std::string& conflict) {
  protocol::ApprovalRow row;
  row.set_session(session.session);
  row.set_task(session.task);
  row.set_person(session.person);
  *row.mutable_request() = open.request;
  row.set_asked_ns(open.asked_ns);
  row.set_text(protocol::grant_text(session.session, session.person, session.task, open.request));
  row.set_text_sha256(std::string(evidence::as_view(evidence::sha256(row.text()))));
  row.set_conflict(conflict);
  return row;
}

std::string no_request(const std::string& session, const std::string& id) {
  return "session " + session + " has no open request " + id + "; carrel approvals lists them";
}

}  // namespace

people::Decision Monitor::may_grant(const people::Actor& actor, const LiveSession& live) const {
  people::Subject subject = people::local_subject(live.row().person);
  subject.alone = parts_.serves == Serves::kCallersProfiles;
  return people::may(actor, Action::kGrant, subject);
}

/// The session of that name among those that run and that the caller may grant more to. What one
/// may not decide is not there, but for one's own.
Result<LiveSession*> Monitor::find_granting(const people::Actor& actor,
                                            const std::string& session) {
  std::vector<store::SessionRow> rows;
  for (const auto& [id, live] : live_) {
    const bool own = actor.person.has_value() && live->row().person == actor.person->id;
    if (!live->closed() && (own || may_grant(actor, *live).allowed)) rows.push_back(live->row());
  }
  std::sort(rows.begin(), rows.end(),
            [](const auto& a, const auto& b) { return a.started_ns > b.started_ns; });
  const auto row = find_row(rows, session);
  if (!row.ok()) return Error{row.error().what + " runs; requests end with their session"};
  LiveSession* live = live_.at(row.value().session).get();
  const people::Decision decision = may_grant(actor, *live);
  if (!decision.allowed) return Error{decision.reason};
  return live;
}

Reply Monitor::approvals(uid_t peer_uid, const Message& message) {
  const auto request = protocol::parse_message<protocol::ApprovalsRequest>(message);
  if (!request.ok()) return failure(kInvalid, request.error().what);
  const auto actor = people::load_actor(parts_.catalogue, peer_uid);
  if (!actor.ok()) return failure(kInvalid, to_string(actor.error()));
  const std::string& id = request.value().id();
  std::vector<LiveSession*> sessions;
  if (!request.value().session().empty()) {
    const auto found = find_granting(actor.value(), request.value().session());
    if (!found.ok()) return failure(kNotFound, found.error().what);
    sessions.push_back(found.value());
  } else {
    for (const auto& [session, live] : live_) {
      if (may_grant(actor.value(), *live).allowed) sessions.push_back(live.get());
    }
  }
  std::vector<protocol::ApprovalRow> rows;
  for (LiveSession* live : sessions) {
    const std::string conflict = may_grant(actor.value(), *live).conflict;
    for (const auto& [each, open] : live->grant_requests()) {
      if (id.empty() || id == each) rows.push_back(to_row(live->row(), open, conflict));
    }
  }
  if (!id.empty() && rows.empty()) {
    return failure(kNotFound, no_request(request.value().session(), id));
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.asked_ns() < b.asked_ns(); });
  protocol::ApprovalsReply reply;
  size_t bytes = 1024;
  for (protocol::ApprovalRow& row : rows) {
    bytes += row.ByteSizeLong() + 8;
    if (bytes > protocol::kMaxBody) break;
    *reply.add_rows() = std::move(row);
  }
  return reply_with(Type::kApprovalsReply, reply);
}

Reply Monitor::decide_request(uid_t peer_uid, const Message& message) {
  const auto parsed = protocol::parse_message<protocol::DecideRequest>(message);
  if (!parsed.ok()) return failure(kInvalid, parsed.error().what);
  const protocol::DecideRequest& request = parsed.value();
  if (!request.approve() || !request.reason().empty()) {
    const Status reason = check_reason(request.reason());
    if (!reason.ok()) return failure(kInvalid, reason.error().what);
  }
  const auto actor = people::load_actor(parts_.catalogue, peer_uid);
  if (!actor.ok()) return failure(kInvalid, to_string(actor.error()));
  const auto live = find_granting(actor.value(), request.session());
  if (!live.ok()) return failure(kNotFound, live.error().what);
  const auto& open = live.value()->grant_requests();
  const auto found = open.find(request.id());
  if (found == open.end()) {
    return failure(kNotFound, no_request(live.value()->row().session, request.id()));
  }
  const std::string conflict = may_grant(actor.value(), *live.value()).conflict;
  const protocol::ApprovalRow row = to_row(live.value()->row(), found->second, conflict);
  if (request.text_sha256() != row.text_sha256()) {
    return failure(kInvalid, "this is not what was shown: look at the request again");
  }
  const uint64_t asked_ns = row.request().until_ns();
  const uint64_t until_ns = request.until_ns() == 0 ? asked_ns : request.until_ns();
  if (request.approve() && until_ns > asked_ns) {
    return failure(kInvalid, "longer than it was asked for: it may be less, never more");
  }
  if (request.approve() && until_ns <= parts_.world.now_ns()) {
    return failure(kInvalid, "that moment has passed");
  }
  protocol::GrantAnswer answer;
  answer.set_id(row.request().id());
  answer.set_approved(request.approve());
  answer.set_person(actor.value().person->id);
  answer.set_reason(request.reason());
  if (request.approve()) answer.set_until_ns(until_ns);
  answer.set_text_sha256(row.text_sha256());
  answer.set_conflict(conflict);
  live.value()->drop_grant_request(row.request().id());
  if (request.approve() && protocol::is_for_credential(row.request())) {
    live.value()->grant_credential(row.request().credential(), until_ns);
  }
  tell_decision(live.value()->row(), answer);
  protocol::DecideReply reply;
  reply.set_session(row.session());
  reply.set_until_ns(answer.until_ns());
  reply.set_conflict(conflict);
  return reply_with(Type::kDecideReply, reply);
}

void Monitor::tell_decision(const store::SessionRow& row, const protocol::GrantAnswer& answer) {
  parts_.log(std::string(answer.approved() ? "grant.approved" : "grant.refused") +
             " session=" + row.session + " id=" + answer.id() + " person=" + answer.person() +
             " text_sha256=" + to_hex(answer.text_sha256()) + " reason=" + quoted(answer.reason()));
  told_.push_back({row.session, reply_with(Type::kGrantAnswer, answer)});
}

}  // namespace carrel::monitor
