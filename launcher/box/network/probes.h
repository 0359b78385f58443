#pragma once
// The self-test of a workspace's network, from inside: what must be refused is tried, and what must
// be answered is asked.

#include "profiles/base/result.h"

namespace carrel::network {

/// How many packets the log group must have told of once try_ways_out() has succeeded, at least.
inline constexpr unsigned kRefusedByProbes = 9;

/// In the workspace's network namespace, with no capability and the gateway answering: connections
/// to addresses outside are refused at once, over IPv4, IPv6 and UDP; every resolver's address is
/// answered by the gateway alone, from that address; a connection never reaches itself; there is no
/// interface but lo, and no way to open a raw socket, to bind a port of the gateway or to change a
/// route. An Error names the first probe that went otherwise.
Status try_ways_out();

}  // namespace carrel::network
