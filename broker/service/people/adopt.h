#pragma once
// What sessions say of tasks and workspaces, for a catalogue that does not know them: one that was
// rebuilt from the records, or of a version before tasks.

#include <cstddef>

#include "broker/service/store/catalogue.h"
#include "profiles/base/result.h"

namespace carrel::people {

/// Registers the people, tasks and workspaces that sessions of the catalogue name and it does not
/// have. The latest workspace of a task and person goes on, earlier ones have ended; what was known
/// before stays as it is. A task's window, its own profile and acceptances are in no record: a task
/// that had them is here one that was registered by an opening. Answers how many workspaces it
/// added.
Result<size_t> adopt_work(store::Catalogue& catalogue);

}  // namespace carrel::people
