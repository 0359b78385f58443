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

/// Sockets of the caller's network namespace connect by connect(2) alone from now on: data in the
/// first packet (MSG_FASTOPEN of sendto(2)) is refused with EOPNOTSUPP. Needs /proc.
Status refuse_fast_open();

/// Moves the caller into a new one that has nothing, lo down.
Status leave_network();

/// The caller's network namespace.
Result<UniqueFd> current_network();
/// Moves the calling thread into it.
Status enter_network(int network_fd);

}  // namespace carrel::kernel
