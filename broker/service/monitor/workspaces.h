#pragma once
// Which workspace an opening works at: the one of its task and person, from session to session.

#include <string>

#include "broker/service/store/catalogue.h"
#include "profiles/base/result.h"

namespace carrel::monitor {

/// Registers the session's task by its first opening, and adds its person by theirs; a task that
/// was created stays as it is.
Status register_opening(store::Catalogue& catalogue, const store::SessionRow& row, uint64_t now_ns);

/// The workspace of this task and person that has not ended; else a new one called `new_id`, which
/// is registered with this call.
Result<store::Workspace> workspace_for(store::Catalogue& catalogue, const std::string& task,
                                       const std::string& person, const std::string& new_id,
                                       uint64_t now_ns);

/// How long the workspace is to be kept after its task's end, in ns; 0: as long as usual. The
/// profile that it was opened with last decides.
Status keep_after_end(store::Catalogue& catalogue, const std::string& workspace, uint64_t kept_ns);

}  // namespace carrel::monitor
