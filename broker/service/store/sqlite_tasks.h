#pragma once
// Tasks, workspaces and acceptances in the catalogue's SQLite file.

#include <optional>
#include <string>
#include <vector>

#include "broker/service/store/sqlite.h"
#include "broker/service/store/tasks.h"
#include "profiles/base/result.h"

namespace carrel::store {

/// The tables of these values, for a catalogue that has none of them yet.
extern const char* const kTaskTables;
/// Of schema version 3.
extern const char* const kTaskSourceTable;

/// Each as in catalogue.h.
Status put_task(sqlite::Database& database, const Task& task);
Result<std::optional<Task>> find_task(sqlite::Database& database, const std::string& id);
Result<std::vector<Task>> all_tasks(sqlite::Database& database);
Status put_workspace(sqlite::Database& database, const Workspace& workspace);
Result<std::optional<Workspace>> find_workspace(sqlite::Database& database, const std::string& id);
Result<std::optional<Workspace>> living_workspace(sqlite::Database& database,
                                                  const std::string& task,
                                                  const std::string& person);
Result<std::vector<Workspace>> all_workspaces(sqlite::Database& database);
Status put_acceptance(sqlite::Database& database, const Acceptance& acceptance);
Result<std::optional<Acceptance>> find_acceptance(sqlite::Database& database,
                                                  const std::string& task,
                                                  const std::string& person,
                                                  const std::string& text_sha256);

}  // namespace carrel::store
