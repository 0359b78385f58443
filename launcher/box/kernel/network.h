#pragma once
// Network namespaces (network_namespaces(7)) with nothing but their own loopback.

#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::kernel {

/// A new network namespace, owned by the caller's user namespace, with lo up. The caller stays in
/// its own. Needs CAP_SYS_ADMIN and CAP_NET_ADMIN; one thread.
Result<UniqueFd> new_network();

/// Moves the caller into a new one for good, with lo up.
Status enter_new_network();

/// Moves the caller into a new one that has nothing, lo down.
Status leave_network();

/// The caller's network namespace.
Result<UniqueFd> current_network();
/// Moves the calling thread into it.
Status enter_network(int network_fd);

}  // namespace carrel::kernel
