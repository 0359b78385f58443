#pragma once
// Rows of the catalogue as messages, and the spelling of session names in requests.

#include <string>
#include <string_view>
#include <vector>

#include "broker/service/store/catalogue.h"
#include "broker/wire/protocol/messages.pb.h"
#include "profiles/base/result.h"

namespace carrel::monitor {

/// The row as a message; arguments beyond 64 KiB in all are left out (event 0 has them).
protocol::SessionRow to_message(const store::SessionRow& row);

/// What a supervisor said of itself, safe to show; strings that it may not have are made so.
protocol::SessionState to_shown(const protocol::SessionState& state);

/// A workspace with the sessions that were at it, latest started first (at least one); `state` of
/// its running one, null where none runs.
protocol::WorkspaceRow to_message(const store::Workspace& workspace,
                                  const std::vector<store::SessionRow>& sessions,
                                  const protocol::SessionState* state);

/// As many rows from the front as fit a frame.
protocol::ListReply to_list(const std::vector<store::SessionRow>& rows);

/// The row that `name` means among those a caller may see (latest first): a full id, a prefix of at
/// least 4 characters that fits one only, or "last".
Result<store::SessionRow> find_row(const std::vector<store::SessionRow>& rows,
                                   std::string_view name);

}  // namespace carrel::monitor
