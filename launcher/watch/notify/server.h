#pragma once
// The server of an ssh connection, outside of the workspace and joined to its network alone: of
// what it does only its connections are looked at, each before it is made.

#include <linux/seccomp.h>

#include <cstdint>

#include "launcher/watch/notify/watcher.h"

namespace carrel::notify {

/// Looks at a call whose caller, the server of `channel`, waits. A connect(2) to an internet
/// address gives a record and goes on; one whose address cannot be read is refused with EACCES,
/// since nothing may be forwarded unseen. Datagram sockets (a resolver's, which connect nobody),
/// other families and other calls are let through without a record.
Judgement look_at_server(const seccomp_notif& call, uint32_t channel);

}  // namespace carrel::notify
