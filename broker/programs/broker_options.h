#pragma once
// The broker's command line: descriptors it was started with, and whom it becomes.

#include <sys/types.h>

#include <optional>

#include "profiles/base/result.h"

namespace carrel::programs {

struct BrokerOptions {
  int listener_fd = -1;  // listening unix stream socket for clients
  int store_fd = -1;     // the store's directory
  int launcher_fd = -1;  // connected unix stream socket
  int log_fd = 2;
  int secrets_fd = -1;  // connected unix stream socket to carrel-secrets; -1: there are no secrets
  uid_t uid = 0;        // and gid; 0: stay who we are (a rootless store)
  /// The user whose uid 0 of a user namespace this broker runs as: what the kernel calls 0 there is
  /// that user, nobody else is served. Not together with `uid`.
  std::optional<uid_t> caller;
  /// For the users of this host, each of whom opens the tasks given to them and nothing else.
  bool service = false;
};

/// "--listener-fd N --store-fd N --launcher-fd N [--log-fd N] [--secrets-fd N]
/// [--uid N | --caller N] [--service 1]"; anything else is an Error.
Result<BrokerOptions> parse_broker_options(int argc, const char* const* argv);

}  // namespace carrel::programs
