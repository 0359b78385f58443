#include "broker/service/store/sqlite_tasks.h"

#include <utility>

namespace carrel::store {

using sqlite::Database;
using sqlite::Statement;

// `workspace_living` is what makes a workspace last: one per task and person until it is ended.
const char* const kTaskTables = R"sql(
CREATE TABLE task (
  id TEXT PRIMARY KEY, created_by TEXT NOT NULL, created_ns INTEGER NOT NULL,
  until_ns INTEGER NOT NULL, ended_ns INTEGER NOT NULL, ended_by TEXT NOT NULL,
  end_reason TEXT NOT NULL, profile TEXT NOT NULL, profile_version INTEGER NOT NULL,
  profile_sha256 TEXT NOT NULL, source BLOB NOT NULL, path BLOB NOT NULL,
  agreement_text BLOB NOT NULL
) STRICT;
CREATE TABLE task_person (
  task TEXT NOT NULL REFERENCES task(id) ON DELETE CASCADE,
  person TEXT NOT NULL REFERENCES person(id),
  PRIMARY KEY (task, person)
) STRICT;
CREATE TABLE workspace (
  id TEXT PRIMARY KEY, task TEXT NOT NULL, person TEXT NOT NULL, created_ns INTEGER NOT NULL,
  ended_ns INTEGER NOT NULL, erase_ns INTEGER NOT NULL, erased_ns INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX workspace_living ON workspace (task, person) WHERE ended_ns = 0;
CREATE TABLE acceptance (
  task TEXT NOT NULL, person TEXT NOT NULL, text_sha256 TEXT NOT NULL, version INTEGER NOT NULL,
  accepted_ns INTEGER NOT NULL, how TEXT NOT NULL, answer BLOB NOT NULL,
  PRIMARY KEY (task, person, text_sha256)
) STRICT;
)sql";

const char* const kTaskSourceTable = R"sql(
CREATE TABLE task_source (
  task TEXT NOT NULL REFERENCES task(id) ON DELETE CASCADE,
  place INTEGER NOT NULL, name BLOB NOT NULL, source BLOB NOT NULL,
  PRIMARY KEY (task, place)
) STRICT;
)sql";

namespace {

constexpr std::string_view kTaskColumns =
    "id, created_by, created_ns, until_ns, ended_ns, ended_by, end_reason, profile, "
    "profile_version, profile_sha256, source, path, agreement_text";
constexpr std::string_view kWorkspaceColumns =
    "id, task, person, created_ns, ended_ns, erase_ns, erased_ns";

int64_t as_signed(uint64_t value) {
  return static_cast<int64_t>(value);
}
uint64_t number(const Statement& s, int column) {
  return static_cast<uint64_t>(s.number_at(column));
}

Task task_at(const Statement& s) {
  Task task;
  task.id = s.text_at(0);
  task.created_by = s.text_at(1);
  task.created_ns = number(s, 2);
  task.until_ns = number(s, 3);
  task.ended_ns = number(s, 4);
  task.ended_by = s.text_at(5);
  task.end_reason = s.text_at(6);
  task.profile = s.text_at(7);
  task.profile_version = number(s, 8);
  task.profile_sha256 = s.text_at(9);
  task.source = s.text_at(10);
  task.path = s.text_at(11);
  task.agreement_text = s.text_at(12);
  return task;
}

Workspace workspace_at(const Statement& s) {
  Workspace workspace;
  workspace.id = s.text_at(0);
  workspace.task = s.text_at(1);
  workspace.person = s.text_at(2);
  workspace.created_ns = number(s, 3);
  workspace.ended_ns = number(s, 4);
  workspace.erase_ns = number(s, 5);
  workspace.erased_ns = number(s, 6);
  return workspace;
}

Status read_people(Database& database, Task& task) {
  ASSIGN_OR_RETURN(
      Statement s,
      database.prepare("SELECT person FROM task_person WHERE task = ? ORDER BY person"));
  s.text(task.id);
  while (true) {
    ASSIGN_OR_RETURN(const bool row, s.step());
    if (!row) return Done{};
    task.people.push_back(s.text_at(0));
  }
}

Status read_extended(Database& database, Task& task) {
  ASSIGN_OR_RETURN(
      Statement s,
      database.prepare("SELECT name, source FROM task_source WHERE task = ? ORDER BY place"));
  s.text(task.id);
  while (true) {
    ASSIGN_OR_RETURN(const bool row, s.step());
    if (!row) return Done{};
    task.extended.push_back({s.text_at(0), s.text_at(1)});
  }
}

/// What stands in tables of its own.
Status read_rest(Database& database, Task& task) {
  RETURN_IF_ERROR(read_people(database, task));
  return read_extended(database, task);
}

Status write_extended(Database& database, const Task& task) {
  int64_t place = 0;
  for (const ExtendedSource& each : task.extended) {
    ASSIGN_OR_RETURN(Statement one,
                     database.prepare("INSERT INTO task_source VALUES (?, ?, ?, ?)"));
    one.text(task.id).number(place++).blob(each.name).blob(each.source);
    RETURN_IF_ERROR(one.run());
  }
  return Done{};
}

Status write_task(Database& database, const Task& task) {
  ASSIGN_OR_RETURN(Statement old, database.prepare("DELETE FROM task WHERE id = ?"));
  RETURN_IF_ERROR(old.text(task.id).run());
  ASSIGN_OR_RETURN(Statement s, database.prepare("INSERT INTO task (" + std::string(kTaskColumns) +
                                                 ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"));
  s.text(task.id).text(task.created_by).number(as_signed(task.created_ns));
  s.number(as_signed(task.until_ns)).number(as_signed(task.ended_ns)).text(task.ended_by);
  s.text(task.end_reason).text(task.profile).number(as_signed(task.profile_version));
  s.text(task.profile_sha256).blob(task.source).blob(task.path).blob(task.agreement_text);
  RETURN_IF_ERROR(s.run());
  for (const std::string& person : task.people) {
    ASSIGN_OR_RETURN(Statement one, database.prepare("INSERT INTO task_person VALUES (?, ?) "
                                                     "ON CONFLICT DO NOTHING"));
    RETURN_IF_ERROR(one.text(task.id).text(person).run());
  }
  return write_extended(database, task);
}

Result<std::optional<Workspace>> one_workspace(Statement s) {
  ASSIGN_OR_RETURN(const bool row, s.step());
  if (!row) return std::optional<Workspace>();
  return std::optional(workspace_at(s));
}

}  // namespace

Status put_task(Database& database, const Task& task) {
  RETURN_IF_ERROR(database.execute("BEGIN"));
  const Status written = write_task(database, task);
  const Status ended = database.execute(written.ok() ? "COMMIT" : "ROLLBACK");
  return written.ok() ? ended : written;
}

Result<std::optional<Task>> find_task(Database& database, const std::string& id) {
  ASSIGN_OR_RETURN(Statement s, database.prepare("SELECT " + std::string(kTaskColumns) +
                                                 " FROM task WHERE id = ?"));
  ASSIGN_OR_RETURN(const bool row, s.text(id).step());
  if (!row) return std::optional<Task>();
  Task task = task_at(s);
  RETURN_IF_ERROR(read_rest(database, task));
  return std::optional(std::move(task));
}

Result<std::vector<Task>> all_tasks(Database& database) {
  ASSIGN_OR_RETURN(Statement s, database.prepare("SELECT " + std::string(kTaskColumns) +
                                                 " FROM task ORDER BY id"));
  std::vector<Task> all;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, s.step());
    if (!row) break;
    all.push_back(task_at(s));
  }
  for (Task& task : all)
    RETURN_IF_ERROR(read_rest(database, task));
  return all;
}

Status put_workspace(Database& database, const Workspace& workspace) {
  // An upsert by id: a second living one of the same task and person stays an Error.
  ASSIGN_OR_RETURN(
      Statement s,
      database.prepare("INSERT INTO workspace (" + std::string(kWorkspaceColumns) +
                       ") VALUES (?,?,?,?,?,?,?) ON CONFLICT(id) DO UPDATE SET task=excluded.task, "
                       "person=excluded.person, created_ns=excluded.created_ns, "
                       "ended_ns=excluded.ended_ns, erase_ns=excluded.erase_ns, "
                       "erased_ns=excluded.erased_ns"));
  s.text(workspace.id).text(workspace.task).text(workspace.person);
  s.number(as_signed(workspace.created_ns)).number(as_signed(workspace.ended_ns));
  return s.number(as_signed(workspace.erase_ns)).number(as_signed(workspace.erased_ns)).run();
}

Result<std::optional<Workspace>> find_workspace(Database& database, const std::string& id) {
  ASSIGN_OR_RETURN(Statement s, database.prepare("SELECT " + std::string(kWorkspaceColumns) +
                                                 " FROM workspace WHERE id = ?"));
  s.text(id);
  return one_workspace(std::move(s));
}

Result<std::optional<Workspace>> living_workspace(Database& database, const std::string& task,
                                                  const std::string& person) {
  ASSIGN_OR_RETURN(Statement s,
                   database.prepare("SELECT " + std::string(kWorkspaceColumns) +
                                    " FROM workspace WHERE task = ? AND person = ? AND ended_ns = "
                                    "0"));
  s.text(task).text(person);
  return one_workspace(std::move(s));
}

Result<std::vector<Workspace>> all_workspaces(Database& database) {
  ASSIGN_OR_RETURN(Statement s,
                   database.prepare("SELECT " + std::string(kWorkspaceColumns) +
                                    " FROM workspace ORDER BY created_ns DESC, id DESC"));
  std::vector<Workspace> all;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, s.step());
    if (!row) return all;
    all.push_back(workspace_at(s));
  }
}

Status put_acceptance(Database& database, const Acceptance& acceptance) {
  ASSIGN_OR_RETURN(
      Statement s,
      database.prepare("INSERT OR REPLACE INTO acceptance (task, person, text_sha256, version, "
                       "accepted_ns, how, answer) VALUES (?,?,?,?,?,?,?)"));
  s.text(acceptance.task).text(acceptance.person).text(acceptance.text_sha256);
  s.number(as_signed(acceptance.version)).number(as_signed(acceptance.accepted_ns));
  return s.text(acceptance.how).blob(acceptance.answer).run();
}

Result<std::optional<Acceptance>> find_acceptance(Database& database, const std::string& task,
                                                  const std::string& person,
                                                  const std::string& text_sha256) {
  ASSIGN_OR_RETURN(
      Statement s,
      database.prepare("SELECT task, person, text_sha256, version, accepted_ns, how, answer "
                       "FROM acceptance WHERE task = ? AND person = ? AND text_sha256 = ?"));
  ASSIGN_OR_RETURN(const bool row, s.text(task).text(person).text(text_sha256).step());
  if (!row) return std::optional<Acceptance>();
  return std::optional(Acceptance{s.text_at(0), s.text_at(1), s.text_at(2), number(s, 3),
                                  number(s, 4), s.text_at(5), s.text_at(6)});
}

}  // namespace carrel::store
