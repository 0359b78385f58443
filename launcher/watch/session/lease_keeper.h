#pragma once
// Keeps the session's credentials fresh: asks the broker, writes what comes, records it, and takes
// everything away at the end.

#include <optional>
#include <string>
#include <vector>

#include "broker/wire/protocol/connection.h"
#include "launcher/watch/session/credential_folder.h"
#include "launcher/watch/session/leases.h"
#include "launcher/watch/session/record_link.h"

namespace carrel::session {

class LeaseKeeper {
 public:
  /// The record outlives this.
  LeaseKeeper(const std::vector<std::string>& names, CredentialFolder folder, RecordLink& record)
      : leases_(names), folder_(std::move(folder)), record_(record) {}

  /// Asks for what is due at this time (seconds since 1970).
  void ask_due(uint64_t now_s);
  /// A Minted answer. An Error when it cannot be used or written.
  Status take(const protocol::Message& answer);
  /// True when every credential of the profile is there.
  [[nodiscard]] bool complete() const { return leases_.complete(); }
  [[nodiscard]] std::optional<uint64_t> next_due_s() const { return leases_.next_due_s(); }
  /// Removes the files and records the end of each lease. The first thing that went wrong.
  Status end();

 private:
  Leases leases_;
  CredentialFolder folder_;
  RecordLink& record_;
};

}  // namespace carrel::session
