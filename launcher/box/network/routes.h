#pragma once
// Routes of the caller's network namespace (rtnetlink(7)).

#include "profiles/base/result.h"

namespace carrel::network {

/// Gives lo the workspace's own addresses and makes every address of IPv4 and IPv6 a local one,
/// with those as the preferred sources: without them a client whose source port equals the
/// destination port would connect to itself. lo must be up. Needs CAP_NET_ADMIN over the namespace.
Status make_everything_local();

}  // namespace carrel::network
