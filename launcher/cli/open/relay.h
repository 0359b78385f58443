#pragma once
// The caller's side of a session: bytes, sizes and signals to it, output and notices from it.

#include "broker/wire/protocol/connection.h"
#include "broker/wire/protocol/messages.pb.h"
#include "profiles/base/result.h"

namespace carrel::open {

struct RelayOptions {
  bool tty = false;
  int status_fd = -1;
  bool attached = false;  // no launcher: start and end come on the session's stream
};

struct RelayResult {
  protocol::Ended ended;
  protocol::Started started;
  bool was_started = false;
  bool wanted_out = false;   // the person, before it was started
  bool left_behind = false;  // the command has ended, and the session goes on
};

/// Relays until the launcher says the session has ended and its output is drained. Terminal
/// settings are restored on every way out. An Error when the launcher vanished before the session
/// began; after that the end is told in `ended`, whoever it was that left.
Result<RelayResult> relay(protocol::Connection& launcher, protocol::Connection& session,
                          const RelayOptions& options);

}  // namespace carrel::open
