// Workspaces of ended tasks go when the time for which their work is kept is over.

#include <cerrno>
#include <utility>

#include "launcher/service/disks.h"
#include "launcher/service/server.h"
#include "profiles/base/text.h"

namespace carrel::service {
namespace {

constexpr uint64_t kLookAgainMs = 3'600'000;

}  // namespace

/// Asks at the start and once an hour, and erases one a turn: whoever opens a workspace meanwhile
/// waits for one at most. One that is in use or cannot be erased is left for the next time.
void Server::erase_due(uint64_t now_ms) {
  if (stopping_ || parts_.broker.lost()) return;
  if (due_.empty() && now_ms >= due_after_ms_) {
    due_after_ms_ = now_ms + kLookAgainMs;
    Result<std::vector<std::string>> due = parts_.broker.due_workspaces();
    if (!due.ok()) return parts_.log("due.failed why=" + quoted(to_string(due.error())));
    due_ = due.take();
  }
  if (due_.empty()) return;
  const std::string workspace = std::move(due_.back());
  due_.pop_back();
  if (find_live(workspace) != nullptr || is_being_written(workspace)) return;
  (void)erase_and_record(workspace).ok();  // the log has it
}

/// Ends a workspace and has the broker record it; answers what was done. What is not there any more
/// is recorded as erased too: an earlier launcher may have died in between.
Result<std::string> Server::erase_and_record(const std::string& workspace) {
  const Result<std::string> erased = erase_workspace(
      parts_.state, workspace, [this, &workspace] { (void)lingering_.take(workspace); });
  const bool absent = !erased.ok() && erased.error().sys_errno == ENOENT;
  if (!erased.ok() && !absent) {
    parts_.log("workspace.kept workspace=" + quoted(workspace) +
               " why=" + quoted(to_string(erased.error())));
    return erased;
  }
  const std::string how = absent ? "nothing" : erased.value();
  parts_.log("workspace.erased workspace=" + quoted(workspace) + " how=" + how);
  const Status noted = parts_.broker.workspace_erased(workspace, how);
  if (!noted.ok()) parts_.log("broker.failed why=" + quoted(to_string(noted.error())));
  return how;
}

}  // namespace carrel::service
