#pragma once
// The launcher's side of the private channel to its broker: one question at a time.

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "broker/record/evidence/keys.h"
#include "broker/wire/protocol/connection.h"
#include "broker/wire/protocol/messages.pb.h"
#include "launcher/service/state.h"
#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::service {

/// A broker of this launcher's own: started, confined and ready. Blocking; an answer that does not
/// come within 30 s is an Error, after which the link is lost.
class BrokerLink {
 public:
  /// Starts `PROGRAMS/carrel-broker` for the state folder, and `carrel-secrets`, which reads the
  /// admin's secrets for it, and waits until it is ready: as a user of
  /// its own, or, where `caller` says whose the launcher is, as that one; for given tasks only
  /// where the state's sockets are a service's. The Error carries the broker's own last words.
  static Result<BrokerLink> start(const std::string& programs, const State& state,
                                  std::optional<uid_t> caller);
  /// Ends what is left of a broker that is lost, before another one takes its place: within 2 s.
  void give_up();

  /// What the ticket stands for. The broker is asked about none that it did not sign for this uid
  /// just now. A refusal is an Error in words, and its exit code in `code`.
  Result<protocol::SessionSpec> confirm(const std::string& ticket, uid_t peer_uid, int* code);
  /// Makes the session live; answers the supervisor's end of its channel.
  Result<UniqueFd> start_session(const protocol::SessionStart& start);
  /// The session's supervisor has ended: the broker closes its row.
  Status session_gone(const std::string& session, const std::string& how);

  /// The workspace that a ticket to erase stands for; nothing runs at it. A refusal as of
  /// confirm().
  Result<protocol::EndGranted> confirm_end(const std::string& ticket, uid_t peer_uid);
  /// A workspace that was granted or due is no more.
  Status workspace_erased(const std::string& workspace, const std::string& how);
  /// Ended workspaces whose time to be kept is over.
  Result<std::vector<std::string>> due_workspaces();

  /// Whether this child, which has been waited for, was carrel-secrets: there is none now.
  bool secrets_ended(pid_t pid);
  [[nodiscard]] bool has_secrets() const { return secrets_pid_ > 0; }
  /// Starts another one and gives the broker its channel. `caller` as of start().
  Status restart_secrets(const std::string& programs, const State& state,
                         std::optional<uid_t> caller);

  [[nodiscard]] int fd() const { return connection_.fd(); }
  [[nodiscard]] bool lost() const { return lost_; }
  /// What came on the channel without a question: only its end is expected.
  void look();
  /// Closes the channel and waits for the broker to end.
  void stop();
  /// In a forked child: closes the channel's copy, which would keep the broker from seeing its end.
  void let_go() { connection_.close(); }

 private:
  BrokerLink(protocol::Connection connection, pid_t pid)
      : connection_(std::move(connection)), pid_(pid) {}
  Status wait_until_ready(int* patience_ms);
  Status take_ready(const protocol::Message& message);
  void end(int patience_ms);
  Result<protocol::Message> call(protocol::Type type, const std::string& body, int fd,
                                 protocol::Type expected, int* code);
  protocol::Connection connection_;
  pid_t pid_ = -1;
  evidence::PublicKey ticket_key_{};  // of this broker's tickets
  bool lost_ = false;
  pid_t secrets_pid_ = -1;
};

}  // namespace carrel::service
