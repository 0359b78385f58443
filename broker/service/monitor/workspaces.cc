#include "broker/service/monitor/workspaces.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace carrel::monitor {

Status register_opening(store::Catalogue& catalogue, const store::SessionRow& row,
                        uint64_t now_ns) {
  ASSIGN_OR_RETURN(std::optional<store::Task> known, catalogue.task(row.task));
  store::Task task;
  if (known.has_value()) {
    task = std::move(*known);
    if (!task.source.empty()) return Done{};
  } else {
    task.id = row.task;
    task.created_by = row.person;
    task.created_ns = now_ns;
  }
  const store::Task before = task;
  task.profile = row.profile;
  task.profile_version = row.profile_version;
  task.profile_sha256 = row.profile_sha256;
  // Opened again after its end it goes on, at a workspace of its own.
  task.ended_ns = 0;
  task.ended_by = task.end_reason = "";
  if (std::find(task.people.begin(), task.people.end(), row.person) == task.people.end()) {
    task.people.push_back(row.person);
  }
  return task == before && known.has_value() ? Status(Done{}) : catalogue.put_task(task);
}

Result<store::Workspace> workspace_for(store::Catalogue& catalogue, const std::string& task,
                                       const std::string& person, const std::string& new_id,
                                       uint64_t now_ns) {
  ASSIGN_OR_RETURN(std::optional<store::Workspace> known, catalogue.workspace_of(task, person));
  if (known.has_value()) return std::move(*known);
  store::Workspace made{new_id, task, person, now_ns, 0, 0, 0};
  RETURN_IF_ERROR(catalogue.put_workspace(made));
  return made;
}

Status keep_after_end(store::Catalogue& catalogue, const std::string& workspace, uint64_t kept_ns) {
  ASSIGN_OR_RETURN(std::optional<store::Workspace> known, catalogue.workspace(workspace));
  if (!known.has_value() || known->ended_ns != 0 || known->erase_ns == kept_ns) return Done{};
  known->erase_ns = kept_ns;
  return catalogue.put_workspace(*known);
}

}  // namespace carrel::monitor
