#include "broker/record/events/json_text.h"
#include "launcher/cli/review/fields.h"
#include "launcher/cli/work/verbs.h"
#include "profiles/base/rfc3339.h"
#include "profiles/base/text.h"

namespace carrel::work {
namespace {

using review::padded;

constexpr size_t kIdShown = 12;

void write_row(events::JsonObject* object, const protocol::WorkspaceRow& row) {
  object->number("v", 1);
  object->bytes("workspace", row.workspace());
  object->bytes("task", row.task());
  object->bytes("person", row.person());
  object->bytes("state", row.state());
  object->bytes("session", row.session());
  object->bytes("since", to_rfc3339(row.since_ns()));
  object->bytes("created", to_rfc3339(row.created_ns()));
  object->bytes("last_used", to_rfc3339(row.last_used_ns()));
  object->number("sessions", row.sessions());
  object->number("changed", row.changed());
}

std::string table_line(const protocol::WorkspaceRow& row) {
  std::string line = padded(row.workspace().substr(0, kIdShown), kIdShown + 2);
  line += padded(quoted(row.task()), 22) + " ";
  line += padded(quoted(row.person()), 12) + " ";
  line += padded(quoted(row.state()), 9);
  line += padded(row.session().substr(0, kIdShown), kIdShown + 2);
  line += padded(review::time_text(row.since_ns()), 22);
  return line + review::time_text(row.last_used_ns()) + "\n";
}

}  // namespace

int list_workspaces(const std::vector<protocol::WorkspaceRow>& rows, Shape shape, Output output) {
  if (shape == Shape::kJson) {
    std::string line = "[";
    for (const protocol::WorkspaceRow& row : rows) {
      if (line.size() > 1) line += ',';
      events::JsonObject object(&line);
      write_row(&object, row);
      object.end();
    }
    print(output.out, line + "]\n");
    return kOk;
  }
  if (rows.empty()) {
    print(output.err, "no workspaces yet\n");
    return kOk;
  }
  print(output.out,
        "workspace     task                   person       state    session       since            "
        "     last used\n");
  for (const protocol::WorkspaceRow& row : rows)
    print(output.out, table_line(row));
  return kOk;
}

}  // namespace carrel::work
