// Tasks as text and as JSON.

#include "broker/record/events/json_text.h"
#include "launcher/cli/review/fields.h"
#include "launcher/cli/work/task.h"
#include "profiles/base/rfc3339.h"
#include "profiles/base/text.h"

namespace carrel::work {
namespace {

std::string_view state_word(const protocol::TaskRow& row) {
  return row.ended_ns() != 0 ? "ended" : "open";
}

void moment(events::JsonObject* object, std::string_view name, uint64_t unix_ns) {
  if (unix_ns == 0) {
    object->null(name);
  } else {
    object->bytes(name, to_rfc3339(unix_ns));
  }
}

std::string people_text(const protocol::TaskRow& row) {
  std::string out;
  for (const std::string& person : row.people())
    out += (out.empty() ? "" : ", ") + quoted(person);
  return out;
}

std::string line(std::string_view name, const std::string& text) {
  return "  " + review::padded(std::string(name), 12) + text + "\n";
}

std::string workspace_text(const protocol::WorkspaceRow& row) {
  return quoted(row.workspace()) + " of " + quoted(row.person()) + ": " + quoted(row.state()) +
         ", " + std::to_string(row.sessions()) + " sessions, last used " +
         review::time_text(row.last_used_ns()) + ", " + std::to_string(row.changed()) +
         " changed paths in the record of the last";
}

}  // namespace

std::string task_page(const protocol::TaskRow& row) {
  std::string out = "task " + quoted(row.task()) + " " + std::string(state_word(row)) + "\n";
  out +=
      line("profile", quoted(row.profile()) + " version " + std::to_string(row.profile_version()) +
                          ", sha256 " + quoted(row.profile_sha256()));
  out += row.has_profile()
             ? line("created", review::time_text(row.created_ns()) + " by " +
                                   quoted(row.created_by()) + " from " + quoted(row.profile_path()))
             : line("registered", review::time_text(row.created_ns()) +
                                      " by its first opening, by " + quoted(row.created_by()));
  out += line("people", people_text(row));
  if (row.until_ns() != 0) out += line("until", review::time_text(row.until_ns()));
  if (!row.agreement_sha256().empty()) {
    out += line("agreement", "sha256 " + quoted(row.agreement_sha256()));
  }
  if (row.ended_ns() != 0) {
    out += line("ended", review::time_text(row.ended_ns()) + " by " + quoted(row.ended_by()) +
                             ": " + quoted(row.end_reason()));
  }
  for (const protocol::WorkspaceRow& workspace : row.workspaces())
    out += line("workspace", workspace_text(workspace));
  return out;
}

std::string task_json(const protocol::TaskRow& row) {
  std::string out;
  events::JsonObject object(&out);
  object.number("v", 1);
  object.bytes("task", row.task());
  object.bytes("state", state_word(row));
  object.bytes("profile", row.profile());
  object.number("profile_version", row.profile_version());
  object.bytes("profile_sha256", row.profile_sha256());
  object.boolean("own_profile", row.has_profile());
  object.bytes("created_by", row.created_by());
  moment(&object, "created", row.created_ns());
  moment(&object, "until", row.until_ns());
  std::string* people = object.raw("people");
  *people += '[';
  for (const std::string& person : row.people()) {
    if (people->back() != '[') *people += ',';
    events::append_json_string(people, person);
  }
  *people += ']';
  if (row.agreement_sha256().empty()) {
    object.null("agreement_sha256");
  } else {
    object.bytes("agreement_sha256", row.agreement_sha256());
  }
  if (row.ended_ns() == 0) {
    object.null("end");
  } else {
    events::JsonObject end(object.raw("end"));
    moment(&end, "time", row.ended_ns());
    end.bytes("by", row.ended_by());
    end.bytes("reason", row.end_reason());
    end.end();
  }
  std::string* workspaces = object.raw("workspaces");
  *workspaces += '[';
  for (const protocol::WorkspaceRow& workspace : row.workspaces()) {
    if (workspaces->back() != '[') *workspaces += ',';
    events::JsonObject one(workspaces);
    one.bytes("workspace", workspace.workspace());
    one.bytes("person", workspace.person());
    one.bytes("state", workspace.state());
    one.number("sessions", workspace.sessions());
    moment(&one, "last_used", workspace.last_used_ns());
    one.number("changed", workspace.changed());
    one.end();
  }
  *workspaces += ']';
  object.end();
  return out;
}

std::string task_table(const std::vector<protocol::TaskRow>& rows) {
  std::string out =
      "task                   state  profile            version until                 people\n";
  for (const protocol::TaskRow& row : rows) {
    out += review::padded(quoted(row.task()), 22) + " ";
    out += review::padded(std::string(state_word(row)), 7);
    out += review::padded(quoted(row.profile()), 18) + " ";
    out += review::padded(std::to_string(row.profile_version()), 8);
    out += review::padded(row.until_ns() == 0 ? "" : review::time_text(row.until_ns()), 22);
    out += people_text(row) + "\n";
  }
  return out;
}

}  // namespace carrel::work
