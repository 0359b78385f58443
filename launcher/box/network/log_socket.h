#pragma once
// NFLOG of the caller's network namespace (linux/netfilter/nfnetlink_log.h).

#include <cstdint>

#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::network {

/// A netlink socket that is told of every packet logged to the group, at once, with the first 64
/// bytes of each. Whoever holds it needs no power to read. Needs CAP_NET_ADMIN to be made.
Result<UniqueFd> new_log_socket(uint16_t group);

}  // namespace carrel::network
