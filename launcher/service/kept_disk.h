#pragma once
// A session's disk on its way from the opening, which ends, to the server, which keeps it mounted
// for a while.

#include <optional>
#include <vector>

#include "broker/wire/protocol/connection.h"
#include "launcher/box/storage/workspace_disk.h"
#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::service {

/// Opening to server, once nothing in the workspace runs. Between the two alone: protocol/type.h
/// has no such number.
inline constexpr protocol::Type kKeptDisk{141};

struct KeptDisk {
  storage::WorkspaceDisk disk;
  /// The working trees' overlays. Whoever closes one last waits until everything on the disk is
  /// written (overlayfs syncs its upper layer at unmount).
  std::vector<UniqueFd> overlays;
};

/// Blocking.
Status send_disk(protocol::Connection& server, KeptDisk kept);
/// EPROTO for another message.
Result<KeptDisk> read_disk(protocol::Message message);

}  // namespace carrel::service
