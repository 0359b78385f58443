// Tasks: made, listed, ended; and what becomes of their workspaces.

#include <algorithm>
#include <map>

#include "broker/record/evidence/sha256.h"
#include "broker/service/monitor/monitor.h"
#include "broker/service/monitor/opening.h"
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
constexpr uint64_t kNsPerS = 1'000'000'000;

/// Who may see and end it: everybody it is given to sees it; alone at it, one may end it.
people::Subject subject_of(const store::Task& task) {
  const bool own = task.source.empty() && task.people.size() == 1;
  return people::local_subject(own ? task.people.front() : "");
}

protocol::EndGranted to_granted(const store::Workspace& workspace) {
  protocol::EndGranted granted;
  granted.set_workspace(workspace.id);
  granted.set_task(workspace.task);
  granted.set_person(workspace.person);
  return granted;
}

bool may_see(const people::Actor& actor, const store::Task& task) {
  const bool given = actor.person.has_value() && std::find(task.people.begin(), task.people.end(),
                                                           actor.person->id) != task.people.end();
  return given || people::may(actor, Action::kList, people::local_subject("")).allowed;
}

}  // namespace

Reply Monitor::create_task(uid_t peer_uid, const Message& message) {
  const auto parsed = protocol::parse_message<protocol::TaskCreateRequest>(message);
  if (!parsed.ok()) return failure(kInvalid, parsed.error().what);
  const protocol::TaskCreateRequest& request = parsed.value();
  const auto actor = people::load_actor(parts_.catalogue, peer_uid);
  if (!actor.ok()) return failure(kInvalid, to_string(actor.error()));
  const auto decision = people::may(actor.value(), Action::kCreateTask, people::local_subject(""));
  if (!decision.allowed) return failure(kNotFound, decision.reason);
  protocol::OpenRequest as_opening;  // the same checks of the same bytes
  as_opening.set_profile_source(request.profile_source());
  as_opening.set_profile_path(request.profile_path());
  as_opening.set_canonical(request.canonical());
  *as_opening.mutable_extended() = request.extended();
  const auto read = check_open_request(as_opening, parts_.read_profile, parts_.issuer);
  if (!read.ok()) return failure(kInvalid, to_string(read.error()));
  const auto id = task_id(request.name());
  if (!id.ok()) return failure(kInvalid, id.error().what);
  const auto known = parts_.catalogue.task(id.value());
  if (!known.ok()) return failure(kInvalid, to_string(known.error()));
  const auto task = make_task(known.value().has_value() ? &*known.value() : nullptr, request,
                              read.value(), actor.value().person->id, parts_.world.now_ns());
  if (!task.ok()) return failure(kInvalid, task.error().what);
  for (const std::string& person : task.value().people) {
    const Status registered =
        people::register_local(parts_.catalogue, people::local_uid(person).value_or(0));
    if (!registered.ok()) return failure(kInvalid, to_string(registered.error()));
  }
  const Status put = parts_.catalogue.put_task(task.value());
  if (!put.ok()) return failure(kInvalid, to_string(put.error()));
  parts_.log("task.created task=" + quoted(id.value()) + " person=" + actor.value().person->id +
             " profile_sha256=" + task.value().profile_sha256);
  const auto row = task_row(task.value());
  if (!row.ok()) return failure(kInvalid, to_string(row.error()));
  protocol::TaskReply reply;
  *reply.mutable_row() = row.value();
  return reply_with(Type::kTaskReply, reply);
}

Result<std::vector<store::Workspace>> Monitor::workspaces_of(const std::string& task) {
  ASSIGN_OR_RETURN(std::vector<store::Workspace> all, parts_.catalogue.workspaces());
  std::erase_if(all, [&task](const store::Workspace& each) { return each.task != task; });
  return all;
}

Result<protocol::TaskRow> Monitor::task_row(const store::Task& task) {
  protocol::TaskRow row;
  row.set_task(task.id);
  row.set_created_by(task.created_by);
  row.set_created_ns(task.created_ns);
  row.set_until_ns(task.until_ns);
  row.set_ended_ns(task.ended_ns);
  row.set_ended_by(task.ended_by);
  row.set_end_reason(task.end_reason);
  row.set_profile(task.profile);
  row.set_profile_version(task.profile_version);
  row.set_profile_sha256(task.profile_sha256);
  row.set_has_profile(!task.source.empty());
  row.set_profile_path(task.path);
  for (const std::string& person : task.people)
    row.add_people(person);
  if (!task.agreement_text.empty()) {
    row.set_agreement_sha256(to_hex(evidence::as_view(evidence::sha256(task.agreement_text))));
  }
  ASSIGN_OR_RETURN(const std::vector<store::Workspace> workspaces, workspaces_of(task.id));
  ASSIGN_OR_RETURN(const std::vector<store::SessionRow> all, parts_.catalogue.sessions());
  std::map<std::string, std::vector<store::SessionRow>> sessions;
  for (const store::SessionRow& session : all) {
    const auto live = live_.find(session.session);
    if (session.task == task.id) {
      sessions[session.workspace].push_back(live == live_.end() ? session : live->second->row());
    }
  }
  for (const store::Workspace& workspace : workspaces) {
    const auto at = sessions.find(workspace.id);
    if (at == sessions.end()) continue;
    *row.add_workspaces() =
        to_message(workspace, at->second, live_state(at->second.front().session));
  }
  return row;
}

Reply Monitor::list_tasks(uid_t peer_uid, const Message& message) {
  const auto request = protocol::parse_message<protocol::TasksRequest>(message);
  if (!request.ok()) return failure(kInvalid, request.error().what);
  const auto actor = people::load_actor(parts_.catalogue, peer_uid);
  if (!actor.ok()) return failure(kInvalid, to_string(actor.error()));
  const auto tasks = parts_.catalogue.tasks();
  if (!tasks.ok()) return failure(kInvalid, to_string(tasks.error()));
  std::string wanted;
  if (!request.value().name().empty()) {
    const auto id = task_id(request.value().name());
    if (!id.ok()) return failure(kInvalid, id.error().what);
    wanted = id.value();
  }
  protocol::TasksReply reply;
  size_t bytes = 1024;
  for (const store::Task& task : tasks.value()) {
    if (!may_see(actor.value(), task) || (!wanted.empty() && task.id != wanted)) continue;
    auto row = task_row(task);
    if (!row.ok()) return failure(kInvalid, to_string(row.error()));
    bytes += row.value().ByteSizeLong() + 8;
    if (bytes > protocol::kMaxBody) break;
    *reply.add_rows() = row.take();
  }
  if (!wanted.empty() && reply.rows_size() == 0) return failure(kNotFound, "no task " + wanted);
  return reply_with(Type::kTasksReply, reply);
}

Reply Monitor::task_profile(uid_t peer_uid, const Message& message) {
  const auto request = protocol::parse_message<protocol::TaskProfileRequest>(message);
  if (!request.ok()) return failure(kInvalid, request.error().what);
  const auto actor = people::load_actor(parts_.catalogue, peer_uid);
  if (!actor.ok()) return failure(kInvalid, to_string(actor.error()));
  const auto id = task_id(request.value().name());
  if (!id.ok()) return failure(kNotFound, id.error().what);
  const auto task = parts_.catalogue.task(id.value());
  if (!task.ok()) return failure(kInvalid, to_string(task.error()));
  if (!task.value().has_value() || !may_see(actor.value(), *task.value())) {
    return failure(kNotFound,
                   "no task " + id.value() + "; carrel task list shows those that you may open");
  }
  if (task.value()->source.empty()) {
    return failure(kNotFound, "task " + id.value() +
                                  " has no profile of its own: open it with --profile FILE");
  }
  protocol::TaskProfileReply reply;
  reply.set_task(id.value());
  reply.set_source(task.value()->source);
  reply.set_path(task.value()->path);
  reply.set_profile_sha256(task.value()->profile_sha256);
  reply.set_agreement_text(task.value()->agreement_text);
  reply.set_service(parts_.serves == Serves::kGivenTasks);
  for (const store::ExtendedSource& each : task.value()->extended) {
    protocol::ExtendedSource* extended = reply.add_extended();
    extended->set_name(each.name);
    extended->set_source(each.source);
  }
  return reply_with(Type::kTaskProfileReply, reply);
}

// ---- the end of a task -------------------------------------------------------------------------

/// The task and its workspaces are ended in the catalogue: nothing can be opened any more.
Status Monitor::finish_task(store::Task& task, const people::Actor& actor,
                            const std::string& reason) {
  const uint64_t now_ns = parts_.world.now_ns();
  task.ended_ns = now_ns;
  task.ended_by = actor.person->id;
  task.end_reason = reason;
  RETURN_IF_ERROR(parts_.catalogue.put_task(task));
  ASSIGN_OR_RETURN(const std::vector<store::Workspace> workspaces, workspaces_of(task.id));
  for (store::Workspace workspace : workspaces) {
    if (workspace.ended_ns != 0) continue;
    workspace.ended_ns = now_ns;
    workspace.erase_ns =
        now_ns + (workspace.erase_ns != 0 ? workspace.erase_ns : kWorkspaceKeptS * kNsPerS);
    RETURN_IF_ERROR(parts_.catalogue.put_workspace(workspace));
  }
  parts_.log("task.ended task=" + quoted(task.id) + " person=" + actor.person->id +
             " reason=" + quoted(reason));
  return Done{};
}

void Monitor::close_sessions_of(const std::string& task, const people::Actor& actor,
                                const std::string& reason, protocol::TaskEndReply& reply) {
  for (const auto& [session, live] : live_) {
    if (live->row().task != task || live->row().state != store::SessionState::kRunning) continue;
    protocol::SessionOrder order;
    order.set_order("close");
    order.set_person(actor.person->id);
    order.set_reason("task ended: " + reason);
    tell(session, order);
    reply.add_sessions(session);
  }
}

Status Monitor::issue_end_tickets(const store::Task& task, uid_t peer_uid,
                                  protocol::TaskEndReply& reply) {
  ASSIGN_OR_RETURN(const std::vector<store::Workspace> workspaces, workspaces_of(task.id));
  for (store::Workspace workspace : workspaces) {
    if (workspace.ended_ns == 0 || workspace.erased_ns != 0) continue;
    workspace.erase_ns = parts_.world.now_ns();
    RETURN_IF_ERROR(parts_.catalogue.put_workspace(workspace));
    protocol::EndTicket* ticket = reply.add_tickets();
    ticket->set_workspace(workspace.id);
    ticket::Claims claims;
    claims.purpose = ticket::Purpose::kErase;
    claims.uid = peer_uid;
    claims.workspace = workspace.id;
    claims.task = workspace.task;
    claims.digest = evidence::sha256(to_granted(workspace).SerializeAsString());
    ASSIGN_OR_RETURN(const std::string bytes, end_tickets_.issue(workspace, std::move(claims),
                                                                 parts_.ticket_key, parts_.world));
    ticket->set_ticket(bytes);
  }
  return Done{};
}

Reply Monitor::end_task(uid_t peer_uid, const Message& message) {
  const auto request = protocol::parse_message<protocol::TaskEndRequest>(message);
  if (!request.ok()) return failure(kInvalid, request.error().what);
  const Status reason = check_reason(request.value().reason());
  if (!reason.ok()) return failure(kInvalid, reason.error().what);
  const auto actor = people::load_actor(parts_.catalogue, peer_uid);
  if (!actor.ok()) return failure(kInvalid, to_string(actor.error()));
  const auto id = task_id(request.value().name());
  if (!id.ok()) return failure(kNotFound, id.error().what);
  auto found = parts_.catalogue.task(id.value());
  if (!found.ok()) return failure(kInvalid, to_string(found.error()));
  if (!found.value().has_value() || !may_see(actor.value(), *found.value())) {
    return failure(kNotFound, "no task " + id.value());
  }
  store::Task task = std::move(*found.take());
  const auto decision = people::may(actor.value(), Action::kEndTask, subject_of(task));
  if (!decision.allowed) return failure(kNotFound, decision.reason);
  protocol::TaskEndReply reply;
  const bool again = task.ended_ns != 0;
  if (again && !request.value().now()) {
    return failure(kInvalid, "task " + task.id + " was ended by " + task.ended_by +
                                 " already; --now erases what is kept of it");
  }
  Status done = again ? Status(Done{}) : finish_task(task, actor.value(), request.value().reason());
  if (!done.ok()) return failure(kInvalid, to_string(done.error()));
  close_sessions_of(task.id, actor.value(), request.value().reason(), reply);
  // A ticket is for a workspace at which nothing runs: whoever asks waits, and asks again.
  if (request.value().now() && reply.sessions_size() == 0) {
    done = issue_end_tickets(task, peer_uid, reply);
    if (!done.ok()) return failure(kInvalid, to_string(done.error()));
  }
  auto row = task_row(task);
  if (!row.ok()) return failure(kInvalid, to_string(row.error()));
  *reply.mutable_row() = row.take();
  return reply_with(Type::kTaskEndReply, reply);
}

// ---- the launcher ------------------------------------------------------------------------------

Reply Monitor::confirm_end(const Message& message) {
  const auto request = protocol::parse_message<protocol::ConfirmEnd>(message);
  if (!request.ok()) return failure(kInvalid, request.error().what);
  const auto workspace = end_tickets_.redeem(request.value().ticket(), request.value().peer_uid(),
                                             parts_.world.now_ns());
  if (!workspace.ok()) return failure(kNotFound, workspace.error().what);
  const bool runs = std::any_of(live_.begin(), live_.end(), [&workspace](const auto& each) {
    return each.second->row().workspace == workspace.value().id && !each.second->closed();
  });
  if (runs) return failure(kInvalid, "a session runs at this workspace");
  return reply_with(Type::kEndGranted, to_granted(workspace.value()));
}

Reply Monitor::erased(const Message& message) {
  const auto request = protocol::parse_message<protocol::WorkspaceErased>(message);
  if (!request.ok()) return failure(kInvalid, request.error().what);
  auto found = parts_.catalogue.workspace(request.value().workspace());
  if (!found.ok()) return failure(kInvalid, to_string(found.error()));
  if (!found.value().has_value() || found.value()->ended_ns == 0) {
    return failure(kInvalid, "no such workspace has ended");
  }
  store::Workspace workspace = std::move(*found.take());
  if (workspace.erased_ns == 0) workspace.erased_ns = parts_.world.now_ns();
  const Status put = parts_.catalogue.put_workspace(workspace);
  if (!put.ok()) return failure(kInvalid, to_string(put.error()));
  parts_.log("workspace.erased workspace=" + workspace.id + " task=" + quoted(workspace.task) +
             " how=" + quoted(request.value().how()));
  return Reply{Type::kAck, "", {}};
}

Reply Monitor::due() {
  const auto all = parts_.catalogue.workspaces();
  if (!all.ok()) return failure(kInvalid, to_string(all.error()));
  protocol::DueReply reply;
  for (const store::Workspace& workspace : all.value()) {
    const bool is_due = workspace.ended_ns != 0 && workspace.erased_ns == 0 &&
                        workspace.erase_ns != 0 && workspace.erase_ns <= parts_.world.now_ns();
    if (is_due) reply.add_workspaces(workspace.id);
  }
  return reply_with(Type::kDueReply, reply);
}

}  // namespace carrel::monitor
