#include "broker/service/store/sqlite_catalogue.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "broker/service/store/sqlite.h"
#include "broker/service/store/sqlite_tasks.h"

namespace carrel::store {
namespace {

using sqlite::Database;
using sqlite::Statement;

constexpr int64_t kSchemaVersion = 3;

// Times and counters are int64 here; 2^63 nanoseconds since 1970 reach into the year 2262.
constexpr const char* kSchema = R"sql(
CREATE TABLE organisation (id TEXT PRIMARY KEY) STRICT;
CREATE TABLE person (
  id TEXT PRIMARY KEY,
  organisation TEXT NOT NULL REFERENCES organisation(id),
  uid INTEGER NOT NULL
) STRICT;
CREATE TABLE role (
  person TEXT NOT NULL REFERENCES person(id),
  role TEXT NOT NULL,
  PRIMARY KEY (person, role)
) STRICT;
CREATE TABLE session (
  session TEXT PRIMARY KEY, workspace TEXT NOT NULL, task TEXT NOT NULL,
  profile TEXT NOT NULL, profile_version INTEGER NOT NULL, profile_sha256 TEXT NOT NULL,
  person TEXT NOT NULL, host TEXT NOT NULL, mode TEXT NOT NULL, command BLOB NOT NULL,
  started_ns INTEGER NOT NULL, ended_ns INTEGER NOT NULL, state TEXT NOT NULL,
  end_by TEXT NOT NULL, end_code INTEGER NOT NULL,
  events INTEGER NOT NULL, denied INTEGER NOT NULL, changed INTEGER NOT NULL, lost INTEGER NOT NULL
) STRICT;
CREATE INDEX session_started ON session (started_ns DESC, session DESC);
)sql";

constexpr std::string_view kColumns =
    "session, workspace, task, profile, profile_version, profile_sha256, person, host, mode, "
    "command, started_ns, ended_ns, state, end_by, end_code, events, denied, changed, lost";

int64_t as_signed(uint64_t value) {
  return static_cast<int64_t>(value);
}
uint64_t as_unsigned(int64_t value) {
  return static_cast<uint64_t>(value);
}

/// Arguments as NUL-terminated strings one after the other; an argument has no NUL.
std::string join(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words)
    all.append(word).push_back('\0');
  return all;
}

std::vector<std::string> split(const std::string& all) {
  std::vector<std::string> words;
  size_t from = 0;
  for (size_t end = all.find('\0'); end != std::string::npos; end = all.find('\0', from)) {
    words.push_back(all.substr(from, end - from));
    from = end + 1;
  }
  return words;
}

Result<SessionRow> row_of(const Statement& s) {
  SessionRow row;
  row.session = s.text_at(0);
  row.workspace = s.text_at(1);
  row.task = s.text_at(2);
  row.profile = s.text_at(3);
  row.profile_version = as_unsigned(s.number_at(4));
  row.profile_sha256 = s.text_at(5);
  row.person = s.text_at(6);
  row.host = s.text_at(7);
  row.mode = s.text_at(8);
  row.command = split(s.text_at(9));
  row.started_ns = as_unsigned(s.number_at(10));
  row.ended_ns = as_unsigned(s.number_at(11));
  const auto state = session_state_from(s.text_at(12));
  if (!state.has_value()) return Error{"catalogue: session in no known state"};
  row.state = *state;
  row.end_by = s.text_at(13);
  row.end_code = static_cast<int32_t>(s.number_at(14));
  row.events = as_unsigned(s.number_at(15));
  row.denied = as_unsigned(s.number_at(16));
  row.changed = as_unsigned(s.number_at(17));
  row.lost = as_unsigned(s.number_at(18));
  return row;
}

class SqliteCatalogue final : public Catalogue {
 public:
  explicit SqliteCatalogue(Database database) : database_(std::move(database)) {}

  Status register_person(const Person& wanted) override {
    ASSIGN_OR_RETURN(const std::optional<Person> known, person(wanted.id));
    if (known.has_value()) {
      if (*known == wanted) return Done{};
      return Error{"catalogue: person " + wanted.id + " is registered with other values"};
    }
    RETURN_IF_ERROR(database_.execute("BEGIN"));
    const Status added = add_person(wanted);
    const Status ended = database_.execute(added.ok() ? "COMMIT" : "ROLLBACK");
    return added.ok() ? ended : added;
  }

  Result<std::optional<Person>> person(const std::string& id) override {
    ASSIGN_OR_RETURN(Statement s,
                     database_.prepare("SELECT id, organisation, uid FROM person WHERE id = ?"));
    ASSIGN_OR_RETURN(const bool row, s.text(id).step());
    if (!row) return std::optional<Person>();
    return std::optional(Person{s.text_at(0), s.text_at(1), static_cast<uint32_t>(s.number_at(2))});
  }

  Status grant_role(const std::string& person, const std::string& role) override {
    ASSIGN_OR_RETURN(Statement s, database_.prepare("INSERT INTO role VALUES (?, ?) "
                                                    "ON CONFLICT DO NOTHING"));
    return s.text(person).text(role).run();
  }

  Result<std::vector<std::string>> roles(const std::string& person) override {
    ASSIGN_OR_RETURN(Statement s,
                     database_.prepare("SELECT role FROM role WHERE person = ? ORDER BY role"));
    s.text(person);
    std::vector<std::string> all;
    while (true) {
      ASSIGN_OR_RETURN(const bool row, s.step());
      if (!row) return all;
      all.push_back(s.text_at(0));
    }
  }

  Status put_session(const SessionRow& row) override {
    const std::string sql = "INSERT OR REPLACE INTO session (" + std::string(kColumns) +
                            ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
    ASSIGN_OR_RETURN(Statement s, database_.prepare(sql));
    s.text(row.session).text(row.workspace).text(row.task).text(row.profile);
    s.number(as_signed(row.profile_version)).text(row.profile_sha256).text(row.person);
    s.text(row.host).text(row.mode).blob(join(row.command));
    s.number(as_signed(row.started_ns)).number(as_signed(row.ended_ns)).text(to_word(row.state));
    s.text(row.end_by).number(row.end_code).number(as_signed(row.events));
    s.number(as_signed(row.denied)).number(as_signed(row.changed)).number(as_signed(row.lost));
    return s.run();
  }

  Result<std::optional<SessionRow>> session(const std::string& id) override {
    ASSIGN_OR_RETURN(Statement s, database_.prepare("SELECT " + std::string(kColumns) +
                                                    " FROM session WHERE session = ?"));
    ASSIGN_OR_RETURN(const bool row, s.text(id).step());
    if (!row) return std::optional<SessionRow>();
    ASSIGN_OR_RETURN(SessionRow found, row_of(s));
    return std::optional(std::move(found));
  }

  Result<std::vector<SessionRow>> sessions() override {
    ASSIGN_OR_RETURN(Statement s,
                     database_.prepare("SELECT " + std::string(kColumns) +
                                       " FROM session ORDER BY started_ns DESC, session DESC"));
    std::vector<SessionRow> all;
    while (true) {
      ASSIGN_OR_RETURN(const bool row, s.step());
      if (!row) return all;
      ASSIGN_OR_RETURN(SessionRow found, row_of(s));
      all.push_back(std::move(found));
    }
  }

  Status put_task(const Task& task) override { return store::put_task(database_, task); }
  Result<std::optional<Task>> task(const std::string& id) override {
    return find_task(database_, id);
  }
  Result<std::vector<Task>> tasks() override { return all_tasks(database_); }
  Status put_workspace(const Workspace& workspace) override {
    return store::put_workspace(database_, workspace);
  }
  Result<std::optional<Workspace>> workspace(const std::string& id) override {
    return find_workspace(database_, id);
  }
  Result<std::vector<Workspace>> workspaces() override { return all_workspaces(database_); }
  Result<std::optional<Workspace>> workspace_of(const std::string& task,
                                                const std::string& person) override {
    return living_workspace(database_, task, person);
  }
  Status put_acceptance(const Acceptance& acceptance) override {
    return store::put_acceptance(database_, acceptance);
  }
  Result<std::optional<Acceptance>> acceptance(const std::string& task, const std::string& person,
                                               const std::string& text_sha256) override {
    return find_acceptance(database_, task, person, text_sha256);
  }

 private:
  Status add_person(const Person& wanted) {
    ASSIGN_OR_RETURN(
        Statement organisation,
        database_.prepare("INSERT INTO organisation VALUES (?) ON CONFLICT DO NOTHING"));
    RETURN_IF_ERROR(organisation.text(wanted.organisation).run());
    ASSIGN_OR_RETURN(Statement s, database_.prepare("INSERT INTO person VALUES (?, ?, ?)"));
    return s.text(wanted.id).text(wanted.organisation).number(wanted.uid).run();
  }

  Database database_;
};

Result<int64_t> version_of(Database& database) {
  ASSIGN_OR_RETURN(Statement s, database.prepare("PRAGMA user_version"));
  ASSIGN_OR_RETURN(const bool row, s.step());
  return row ? s.number_at(0) : int64_t{0};
}

Status check(Database& database) {
  ASSIGN_OR_RETURN(Statement s, database.prepare("PRAGMA quick_check(1)"));
  ASSIGN_OR_RETURN(const bool row, s.step());
  const std::string answer = row ? s.text_at(0) : "no answer";
  if (answer != "ok") return Error{"catalogue: " + answer};
  return Done{};
}

/// `fresh` is set when the schema had to be made.
Result<Database> open_database(const std::string& path, bool& fresh) {
  ASSIGN_OR_RETURN(Database database, Database::open(path));
  RETURN_IF_ERROR(
      database.execute("PRAGMA temp_store=MEMORY; PRAGMA journal_mode=WAL; "
                       "PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; "
                       "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"));
  RETURN_IF_ERROR(check(database));
  ASSIGN_OR_RETURN(const int64_t version, version_of(database));
  if (version == kSchemaVersion) return database;
  if (version > kSchemaVersion) return Error{"catalogue: made by a newer Carrel", ENOTSUP};
  if (version < 0) return Error{"catalogue: schema version " + std::to_string(version)};
  // Version 1 knew no tasks: what its sessions say of them is adopted with every start.
  fresh = version == 0;
  // Version 2 kept one source of a task.
  const std::string tables = (fresh ? std::string(kSchema) : "") +
                             (version < 2 ? std::string(kTaskTables) : "") + kTaskSourceTable;
  RETURN_IF_ERROR(database.execute(
      "BEGIN;" + tables + "PRAGMA user_version=" + std::to_string(kSchemaVersion) + ";COMMIT;"));
  return database;
}

Status put_aside(const std::string& path) {
  if (rename(path.c_str(), (path + ".unusable").c_str()) != 0) {
    return errno_error("put the unusable catalogue aside");
  }
  for (const char* part : {"-wal", "-shm"}) {
    if (unlink((path + part).c_str()) != 0 && errno != ENOENT) {
      return errno_error("remove the unusable catalogue's log");
    }
  }
  return Done{};
}

}  // namespace

std::string_view to_word(SessionState state) {
  switch (state) {
    case SessionState::kRunning:
      return "running";
    case SessionState::kClosed:
      return "closed";
    case SessionState::kBroken:
      return "broken";
  }
  return "";
}

std::optional<SessionState> session_state_from(std::string_view word) {
  for (const SessionState state :
       {SessionState::kRunning, SessionState::kClosed, SessionState::kBroken}) {
    if (to_word(state) == word) return state;
  }
  return std::nullopt;
}

Result<OpenedCatalogue> open_sqlite_catalogue(const std::string& path) {
  OpenedCatalogue opened;
  Result<Database> database = open_database(path, opened.fresh);
  if (!database.ok()) {
    // A full disk, a busy file or a newer schema says nothing about what the file holds.
    struct stat status {};
    if (database.error().sys_errno != 0 || stat(path.c_str(), &status) != 0) {
      return database.take_error();
    }
    opened.unusable = database.error().what;
    RETURN_IF_ERROR(put_aside(path));
    opened.fresh = false;
    database = open_database(path, opened.fresh);
    if (!database.ok()) return database.take_error();
  }
  opened.catalogue = std::make_unique<SqliteCatalogue>(database.take());
  return opened;
}

}  // namespace carrel::store
