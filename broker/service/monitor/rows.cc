#include "broker/service/monitor/rows.h"

#include <algorithm>

#include "broker/wire/protocol/connection.h"
#include "profiles/base/text.h"

namespace carrel::monitor {
namespace {

constexpr size_t kMaxCommandBytes = size_t{64} << 10;
constexpr size_t kFrameReserve = 1024;

bool is_id_prefix(std::string_view name) {
  return name.size() >= 4 && name.size() <= 26 && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
         });
}

}  // namespace

protocol::SessionRow to_message(const store::SessionRow& row) {
  protocol::SessionRow out;
  out.set_session(row.session);
  out.set_workspace(row.workspace);
  out.set_task(row.task);
  out.set_profile(row.profile);
  out.set_profile_version(row.profile_version);
  out.set_profile_sha256(row.profile_sha256);
  out.set_person(row.person);
  out.set_host(row.host);
  out.set_mode(row.mode);
  size_t bytes = 0;
  for (const std::string& word : row.command) {
    bytes += word.size();
    if (bytes > kMaxCommandBytes) break;
    out.add_command(word);
  }
  out.set_started_ns(row.started_ns);
  out.set_ended_ns(row.ended_ns);
  out.set_state(std::string(store::to_word(row.state)));
  out.set_end_by(row.end_by);
  out.set_end_code(row.end_code);
  out.set_events(row.events);
  out.set_denied(row.denied);
  out.set_changed(row.changed);
  out.set_lost(row.lost);
  return out;
}

protocol::SessionState to_shown(const protocol::SessionState& state) {
  protocol::SessionState shown = state;
  shown.clear_ends();
  shown.clear_missing();
  for (const protocol::TimeEnd& end : state.ends()) {
    protocol::TimeEnd* one = shown.add_ends();
    one->set_limit(quoted(end.limit()));
    one->set_ends_ns(end.ends_ns());
  }
  for (const std::string& id : state.missing())
    shown.add_missing(quoted(id));
  shown.set_paused_by(quoted(state.paused_by()));
  return shown;
}

protocol::WorkspaceRow to_message(const store::Workspace& workspace,
                                  const std::vector<store::SessionRow>& sessions,
                                  const protocol::SessionState* state) {
  protocol::WorkspaceRow out;
  out.set_workspace(workspace.id);
  out.set_task(workspace.task);
  out.set_person(workspace.person);
  out.set_created_ns(workspace.created_ns);
  out.set_sessions(sessions.size());
  const store::SessionRow& last = sessions.front();
  out.set_session(last.session);
  const bool runs = last.state == store::SessionState::kRunning;
  out.set_since_ns(runs ? last.started_ns : last.ended_ns);
  out.set_last_used_ns(std::max(last.started_ns, last.ended_ns));
  const char* word = workspace.ended_ns != 0 ? "ended" : "closed";
  if (runs) word = "running";
  if (runs && state != nullptr && state->held()) word = "held";
  if (runs && state != nullptr && state->paused()) word = "paused";
  out.set_state(word);
  for (const store::SessionRow& row : sessions) {
    if (row.state == store::SessionState::kRunning) continue;
    out.set_changed(row.changed);
    break;
  }
  return out;
}

protocol::ListReply to_list(const std::vector<store::SessionRow>& rows) {
  protocol::ListReply reply;
  size_t bytes = kFrameReserve;
  for (const store::SessionRow& row : rows) {
    protocol::SessionRow message = to_message(row);
    bytes += message.ByteSizeLong() + 8;
    if (bytes > protocol::kMaxBody) break;
    *reply.add_rows() = std::move(message);
  }
  return reply;
}

Result<store::SessionRow> find_row(const std::vector<store::SessionRow>& rows,
                                   std::string_view name) {
  if (name == "last" && !rows.empty()) return rows.front();
  std::vector<const store::SessionRow*> found;
  if (is_id_prefix(name)) {
    for (const store::SessionRow& row : rows) {
      if (row.session.starts_with(name)) found.push_back(&row);
    }
  }
  if (found.empty()) return Error{"no session " + quoted(name.substr(0, 64))};
  if (found.size() > 1) return Error{"more than one session begins with " + std::string(name)};
  return *found.front();
}

}  // namespace carrel::monitor
