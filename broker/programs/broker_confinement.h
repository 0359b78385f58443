#pragma once
// What is left to a broker once it serves: its store, the sockets it holds, and no privilege.

#include "broker/confine/confine.h"
#include "broker/programs/broker_options.h"

namespace carrel::programs {

/// As root: chroot into the store and become the broker's user. Otherwise neither is possible; what
/// Landlock and the list of calls forbid holds all the same.
confine::Confinement broker_confinement(const BrokerOptions& options);

}  // namespace carrel::programs
