#pragma once
// Keeps the session's credentials fresh: asks the broker, writes what comes into the workspace's
// folder or hands it to the way out, records it, and takes everything away at the end.

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/wire/protocol/connection.h"
#include "broker/wire/protocol/messages.pb.h"
#include "launcher/watch/session/credential_folder.h"
#include "launcher/watch/session/leases.h"
#include "launcher/watch/session/record_link.h"

namespace carrel::session {

/// Where credentials go that no workspace ever sees (of kind header and x509).
struct LeaseSink {
  /// A lease, the first or one that takes the place of the last of its name. What is in it is wiped
  /// after the call.
  std::function<Status(const protocol::Minted& lease)> take;
  /// The lease of this name is over: refuse what is new, then cut what lives on it. Once for each
  /// name, before its end is recorded.
  std::function<void(const std::string& name)> end;
};

class LeaseKeeper {
 public:
  /// The record outlives this.
  LeaseKeeper(const std::vector<std::string>& names, CredentialFolder folder, RecordLink& record)
      : leases_(names), folder_(std::move(folder)), record_(record) {}

  /// Where header and x509 leases go. Before the first one comes: without a sink they are an Error.
  void use_sink(LeaseSink sink) { sink_ = std::move(sink); }
  /// Asks for what is due at this time (seconds since 1970).
  void ask_due(uint64_t now_s);
  /// A Minted answer. An Error when it cannot be used or written, or when the broker has none for
  /// us and what is held has ended (Leases::refuse()), but of a granted one: that is for
  /// take_failed(). Wipes what the answer holds.
  Status take(protocol::Message& answer, uint64_t now_s);
  /// A credential that is issued on request: from now on it is asked for and kept fresh until then
  /// (seconds since 1970). end_granted() ends it.
  void grant(const std::string& name, uint64_t until_s) { leases_.grant(name, until_s); }
  /// What was granted is over: the sink or the folder has it no longer, and that is recorded.
  Status end_granted(const std::string& name);
  /// Of granted ones: that there is none, or none any more, and why; each once, to be ended.
  struct Failed {
    std::string name;
    std::string why;
  };
  std::vector<Failed> take_failed() { return std::exchange(failed_, {}); }
  /// The sink has lost what it was given: all of that is asked for again now.
  void ask_again();
  /// True when every credential of the profile is there that is issued at the start.
  [[nodiscard]] bool complete() const { return leases_.complete(); }
  [[nodiscard]] std::optional<uint64_t> next_due_s() const { return leases_.next_due_s(); }
  /// In this order: nothing is asked for or taken any more, the sink ends what it was given, the
  /// files are removed, and the end of each lease is recorded. The first thing that went wrong.
  Status end();

 private:
  Status take_lease(const protocol::Minted& minted, uint64_t now_s);
  Status refuse(const protocol::Minted& minted, uint64_t now_s);
  Status deliver(const protocol::Minted& minted);
  Status take_back(const Lease& lease);
  Leases leases_;
  CredentialFolder folder_;
  RecordLink& record_;
  LeaseSink sink_;
  std::vector<Failed> failed_;
};

}  // namespace carrel::session
