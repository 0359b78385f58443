// What is being worked at: workspaces, running sessions, and what people want done with them.

#include <algorithm>
#include <map>
#include <optional>

#include "broker/service/monitor/monitor.h"
#include "broker/service/monitor/rows.h"
#include "broker/service/monitor/task_rules.h"
#include "broker/service/people/standalone.h"
#include "profiles/base/text.h"

namespace carrel::monitor {
namespace {

using people::Action;
using protocol::Message;
using protocol::Type;

constexpr uint32_t kInvalid = 1;
constexpr uint32_t kNotFound = 2;

bool runs(const store::SessionRow& row) {
  return row.state == store::SessionState::kRunning;
}

struct Order {
  Action action;
  std::string_view word;
};

std::optional<Order> order_of(std::string_view word) {
  for (const Order& order : {Order{Action::kClose, "close"}, Order{Action::kPause, "pause"},
                             Order{Action::kResume, "resume"}}) {
    if (order.word == word) return order;
  }
  return std::nullopt;
}

}  // namespace

const protocol::SessionState* Monitor::live_state(const std::string& session) const {
  const auto found = live_.find(session);
  return found == live_.end() ? nullptr : &found->second->state();
}

Reply Monitor::workspaces(uid_t peer_uid) {
  const auto actor = people::load_actor(parts_.catalogue, peer_uid);
  if (!actor.ok()) return failure(kInvalid, to_string(actor.error()));
  const auto rows = visible_rows(actor.value());
  if (!rows.ok()) return failure(kInvalid, to_string(rows.error()));
  const auto known = parts_.catalogue.workspaces();
  if (!known.ok()) return failure(kInvalid, to_string(known.error()));
  std::map<std::string, std::vector<store::SessionRow>> sessions;  // latest started first
  for (const store::SessionRow& row : rows.value())
    sessions[row.workspace].push_back(row);
  std::vector<protocol::WorkspaceRow> found;
  for (const store::Workspace& workspace : known.value()) {
    const auto at = sessions.find(workspace.id);
    if (at == sessions.end()) continue;  // nobody has worked there, or it is not theirs to see
    const protocol::SessionState* state = live_state(at->second.front().session);
    found.push_back(to_message(workspace, at->second, state));
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return a.last_used_ns() > b.last_used_ns();
  });
  protocol::WorkspacesReply reply;
  size_t bytes = 1024;
  for (protocol::WorkspaceRow& row : found) {
    bytes += row.ByteSizeLong() + 8;
    if (bytes > protocol::kMaxBody) break;
    *reply.add_rows() = std::move(row);
  }
  return reply_with(Type::kWorkspacesReply, reply);
}

Reply Monitor::status(uid_t peer_uid, const Message& message) {
  const auto request = protocol::parse_message<protocol::StatusRequest>(message);
  if (!request.ok()) return failure(kInvalid, request.error().what);
  const auto actor = people::load_actor(parts_.catalogue, peer_uid);
  if (!actor.ok()) return failure(kInvalid, to_string(actor.error()));
  auto rows = visible_rows(actor.value());
  if (!rows.ok()) return failure(kInvalid, to_string(rows.error()));
  std::vector<store::SessionRow> running = rows.take();
  std::erase_if(running, [](const store::SessionRow& row) { return !runs(row); });
  if (!request.value().session().empty()) {
    const auto row = find_row(running, request.value().session());
    if (!row.ok()) return failure(kNotFound, row.error().what + " runs");
    running = {row.value()};
  }
  protocol::StatusReply reply;
  size_t bytes = 1024;
  for (const store::SessionRow& row : running) {
    protocol::SessionStatus status;
    *status.mutable_row() = to_message(row);
    if (const auto* state = live_state(row.session)) *status.mutable_state() = to_shown(*state);
    status.set_now_ns(parts_.world.now_ns());
    bytes += status.ByteSizeLong() + 8;
    if (bytes > protocol::kMaxBody) break;
    *reply.add_sessions() = std::move(status);
  }
  return reply_with(Type::kStatusReply, reply);
}

Reply Monitor::order(uid_t peer_uid, const Message& message) {
  const auto request = protocol::parse_message<protocol::OrderRequest>(message);
  if (!request.ok()) return failure(kInvalid, request.error().what);
  const auto order = order_of(request.value().order());
  if (!order.has_value()) return failure(kInvalid, "no such order");
  const Status reason = check_reason(request.value().reason());
  if (!reason.ok()) return failure(kInvalid, reason.error().what);
  const auto actor = people::load_actor(parts_.catalogue, peer_uid);
  if (!actor.ok()) return failure(kInvalid, to_string(actor.error()));
  auto rows = visible_rows(actor.value());
  if (!rows.ok()) return failure(kInvalid, to_string(rows.error()));
  std::vector<store::SessionRow> running = rows.take();
  std::erase_if(running, [](const store::SessionRow& row) { return !runs(row); });
  const auto row = find_row(running, request.value().session());
  if (!row.ok()) return failure(kNotFound, row.error().what + " runs");
  const std::string& session = row.value().session;
  const protocol::SessionState* state = live_state(session);
  if (state == nullptr) return failure(kNotFound, "session " + session + " does not run any more");
  people::Subject subject = people::local_subject(row.value().person);
  subject.paused_by = state->paused() ? state->paused_by() : "";
  const auto decision = people::may(actor.value(), order->action, subject);
  if (!decision.allowed) return failure(kNotFound, decision.reason);
  if (order->action == Action::kPause && state->paused()) {
    return failure(kInvalid, "session " + session + " is paused already");
  }
  if (order->action == Action::kResume && !state->paused()) {
    return failure(kInvalid, "session " + session + " is not paused");
  }
  if (order->action == Action::kPause && !state->can_pause()) {
    return failure(kInvalid, state->started()
                                 ? "this host cannot stop the processes of a session"
                                 : "the command of session " + session + " does not run yet");
  }
  protocol::SessionOrder told;
  told.set_order(std::string(order->word));
  told.set_person(actor.value().person->id);
  told.set_reason(request.value().reason());
  told.set_now(request.value().now());
  tell(session, told);
  protocol::OrderReply reply;
  reply.set_session(session);
  return reply_with(Type::kOrderReply, reply);
}

void Monitor::tell(const std::string& session, const protocol::SessionOrder& order) {
  if (const auto found = live_.find(session); order.order() == "close" && found != live_.end()) {
    found->second->begin_end();
  }
  parts_.log("order session=" + session + " order=" + order.order() + " person=" + order.person() +
             " reason=" + quoted(order.reason()));
  told_.push_back({session, reply_with(Type::kSessionOrder, order)});
}

}  // namespace carrel::monitor
