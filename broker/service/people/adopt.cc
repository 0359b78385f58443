#include "broker/service/people/adopt.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "broker/service/people/standalone.h"

namespace carrel::people {
namespace {

using store::SessionRow;

struct Finds {
  std::map<std::string, store::Task> tasks;            // by id
  std::map<std::string, store::Workspace> workspaces;  // by id
};

/// Later rows of a task tell its profile, earlier ones who began it.
void take_row(const SessionRow& row, Finds& finds) {
  store::Task& task = finds.tasks[row.task];
  if (task.id.empty()) {
    task.id = row.task;
    task.created_by = row.person;
    task.created_ns = row.started_ns;
  }
  task.profile = row.profile;
  task.profile_version = row.profile_version;
  task.profile_sha256 = row.profile_sha256;
  if (std::find(task.people.begin(), task.people.end(), row.person) == task.people.end()) {
    task.people.push_back(row.person);
  }
  store::Workspace& workspace = finds.workspaces[row.workspace];
  if (workspace.id.empty()) {
    workspace = {row.workspace, row.task, row.person, row.started_ns, 0, 0, 0};
  }
}

/// Of those that are new, all but the latest of a task and person have ended.
void end_earlier(Finds& finds, const std::vector<store::Workspace>& known) {
  std::map<std::pair<std::string, std::string>, store::Workspace*> latest;
  std::set<std::pair<std::string, std::string>> living;
  for (const store::Workspace& workspace : known) {
    if (workspace.ended_ns == 0) living.emplace(workspace.task, workspace.person);
  }
  for (auto& [id, workspace] : finds.workspaces) {
    const std::pair key(workspace.task, workspace.person);
    store::Workspace*& last = latest[key];
    store::Workspace* earlier = &workspace;
    if (!living.contains(key) && (last == nullptr || last->created_ns < workspace.created_ns)) {
      std::swap(last, earlier);
    }
    if (earlier != nullptr) earlier->ended_ns = std::max<uint64_t>(earlier->created_ns, 1);
  }
}

Status write(store::Catalogue& catalogue, const Finds& finds) {
  for (const auto& [id, task] : finds.tasks) {
    ASSIGN_OR_RETURN(const std::optional<store::Task> known, catalogue.task(id));
    if (!known.has_value()) RETURN_IF_ERROR(catalogue.put_task(task));
  }
  for (const auto& [id, workspace] : finds.workspaces)
    RETURN_IF_ERROR(catalogue.put_workspace(workspace));
  return Done{};
}

}  // namespace

Result<size_t> adopt_work(store::Catalogue& catalogue) {
  ASSIGN_OR_RETURN(std::vector<SessionRow> rows, catalogue.sessions());
  ASSIGN_OR_RETURN(const std::vector<store::Workspace> known, catalogue.workspaces());
  std::set<std::string> ids;
  for (const store::Workspace& workspace : known)
    ids.insert(workspace.id);
  // A record that cannot be read names nobody; a person of another store is none of this one's.
  std::erase_if(rows, [&ids](const SessionRow& row) {
    return row.workspace.empty() || row.task.empty() || ids.contains(row.workspace) ||
           !local_uid(row.person).has_value();
  });
  if (rows.empty()) return size_t{0};
  RETURN_IF_ERROR(register_owners(catalogue));
  Finds finds;
  std::reverse(rows.begin(), rows.end());  // oldest first
  for (const SessionRow& row : rows)
    take_row(row, finds);
  end_earlier(finds, known);
  RETURN_IF_ERROR(write(catalogue, finds));
  return finds.workspaces.size();
}

}  // namespace carrel::people
