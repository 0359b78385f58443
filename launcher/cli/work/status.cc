#include "broker/record/events/json_text.h"
#include "launcher/cli/review/fields.h"
#include "launcher/cli/work/verbs.h"
#include "profiles/base/rfc3339.h"
#include "profiles/base/text.h"

namespace carrel::work {
namespace {

using protocol::SessionStatus;

constexpr uint64_t kNsPerS = 1'000'000'000;

uint64_t minus(uint64_t a, uint64_t b) {
  return a > b ? a - b : 0;
}

std::string_view state_word(const SessionStatus& status) {
  if (status.state().ending()) return "ending";
  if (status.state().paused()) return "paused";
  if (status.state().held()) return "held";
  return status.state().started() ? "running" : "starting";
}

/// To the second: nothing here is more exact.
std::string took(uint64_t ns) {
  return review::duration_text(ns / kNsPerS * kNsPerS);
}

void write_ends(events::JsonObject* line, const SessionStatus& status) {
  std::string* out = line->raw("ends");
  *out += '[';
  for (const protocol::TimeEnd& end : status.state().ends()) {
    if (out->back() != '[') *out += ',';
    events::JsonObject object(out);
    object.bytes("limit", end.limit());
    object.bytes("ends", to_rfc3339(end.ends_ns()));
    object.number("left_s", minus(end.ends_ns(), status.now_ns()) / kNsPerS);
    object.end();
  }
  *out += ']';
}

std::string json_line(const SessionStatus& status) {
  const protocol::SessionRow& row = status.row();
  const protocol::SessionState& state = status.state();
  std::string line;
  events::JsonObject object(&line);
  object.number("v", 1);
  object.bytes("session", row.session());
  object.bytes("workspace", row.workspace());
  object.bytes("task", row.task());
  object.bytes("profile", row.profile());
  object.number("profile_version", row.profile_version());
  object.bytes("person", row.person());
  object.bytes("host", row.host());
  object.bytes("mode", row.mode());
  object.bytes("state", state_word(status));
  object.bytes("started", to_rfc3339(row.started_ns()));
  if (state.started()) {
    object.bytes("last_input", to_rfc3339(state.last_input_ns()));
    object.number("idle_s", minus(status.now_ns(), state.last_input_ns()) / kNsPerS);
  } else {
    object.null("last_input");
    object.null("idle_s");
  }
  object.number("attached", state.channels());
  object.number("ssh", state.ssh());
  write_ends(&object, status);
  if (state.paused()) {
    events::JsonObject paused(object.raw("paused"));
    paused.bytes("by", state.paused_by());
    paused.bytes("reason", state.pause_reason());
    paused.bytes("since", to_rfc3339(state.paused_ns()));
    paused.end();
  } else {
    object.null("paused");
  }
  if (state.held()) {
    events::JsonObject held(object.raw("held"));
    held.bytes("by", "host_disk");
    held.bytes("since", to_rfc3339(state.held_ns()));
    held.number("free_bytes", state.host_free_bytes());
    held.number("needed_bytes", state.host_mark_bytes());
    held.end();
  } else {
    object.null("held");
  }
  object.boolean("can_pause", state.can_pause());
  std::string* missing = object.raw("assurance_missing");
  *missing += '[';
  for (const std::string& id : state.missing()) {
    if (missing->back() != '[') *missing += ',';
    events::append_json_string(missing, id);
  }
  *missing += ']';
  object.number("events", row.events());
  object.number("denied", row.denied());
  object.number("lost", row.lost());
  object.end();
  return line + "\n";
}

std::string mib(uint64_t bytes) {
  return std::to_string(bytes >> 20) + " MiB";
}

std::string line(std::string_view name, const std::string& text) {
  return "  " + review::padded(std::string(name), 12) + text + "\n";
}

std::string page(const SessionStatus& status) {
  const protocol::SessionRow& row = status.row();
  const protocol::SessionState& state = status.state();
  std::string out = "session " + quoted(row.session()) + " " + std::string(state_word(status)) +
                    " for " + took(minus(status.now_ns(), row.started_ns())) + "\n";
  out += line("task", quoted(row.task()) + ", profile " + quoted(row.profile()) + " version " +
                          std::to_string(row.profile_version()));
  out += line("person", quoted(row.person()));
  out += line("workspace", quoted(row.workspace()));
  if (state.paused()) {
    out += line("paused", "by " + quoted(state.paused_by()) + " for " +
                              took(minus(status.now_ns(), state.paused_ns())) + ": " +
                              quoted(state.pause_reason()));
  }
  if (state.held()) {
    out += line("held", "for " + took(minus(status.now_ns(), state.held_ns())) +
                            ": the host's disk had " + mib(state.host_free_bytes()) +
                            " left, and " + mib(state.host_mark_bytes()) +
                            " must be: make room there, it goes on by itself");
  }
  if (state.started()) {
    out += line("idle", "for " + took(minus(status.now_ns(), state.last_input_ns())));
  }
  if (state.channels() > 0) {
    out += line("terminals",
                std::to_string(state.channels()) + " besides the first" +
                    (state.ssh() > 0 ? ", ssh connections " + std::to_string(state.ssh()) : ""));
  }
  for (const protocol::TimeEnd& end : state.ends()) {
    out += line("ends", "in " + took(minus(end.ends_ns(), status.now_ns())) + " (" +
                            quoted(end.limit()) + ", " + review::time_text(end.ends_ns()) + ")");
  }
  if (state.ends().empty() && state.started()) out += line("ends", "no limit of time");
  std::string missing;
  for (const std::string& id : state.missing())
    missing += (missing.empty() ? "" : ", ") + quoted(id);
  if (!missing.empty()) out += line("not given", missing);
  return out +
         line("events", std::to_string(row.events()) + ", denied " + std::to_string(row.denied()) +
                            ", lost " + std::to_string(row.lost()));
}

}  // namespace

int show_status(const std::vector<SessionStatus>& sessions, Shape shape, Output output) {
  if (sessions.empty() && shape == Shape::kText) print(output.err, "no session runs\n");
  for (const SessionStatus& status : sessions)
    print(output.out, shape == Shape::kJson ? json_line(status) : page(status));
  return kOk;
}

}  // namespace carrel::work
