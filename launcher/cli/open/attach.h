#pragma once
// The caller's way to a session that runs already.

#include <string>
#include <vector>

#include "broker/wire/client/broker_client.h"
#include "broker/wire/protocol/connection.h"
#include "profiles/base/result.h"

namespace carrel::open {

/// The streams of a session: its launcher's, where the caller has begun it, and its own.
struct Way {
  protocol::Connection launcher;
  protocol::Connection session;
  bool attached = false;
};

/// A value of the caller's environment that passes the allowlist, bounded and printable; else "".
std::string passed_value(const char* name);

/// Has the broker hand one end of a stream to the session. A refusal sets `code`.
Result<Way> attach_to(client::BrokerClient& broker, const std::string& session,
                      const std::vector<std::string>& command, bool tty, int* code);

}  // namespace carrel::open
