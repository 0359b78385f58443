#pragma once
// User namespaces as id maps (user_namespaces(7)): for idmapped mounts, and of a new child.

#include <sys/types.h>

#include <cstdint>

#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::kernel {

/// One line of uid_map and gid_map.
struct IdMap {
  uint32_t inside = 0;
  uint32_t outside = 0;
  uint32_t count = 1;
};

/// A user namespace with this one line for users and groups, kept alive by its descriptor alone.
/// For MOUNT_ATTR_IDMAP: owner `inside` on disk is shown as `outside`. Needs CAP_SETUID and
/// CAP_SETGID.
Result<UniqueFd> make_id_map(const IdMap& map);

/// Writes setgroups=deny and both maps of a child in a new user namespace that waits for them.
Status write_id_map(pid_t child, const IdMap& map);

}  // namespace carrel::kernel
