#pragma once
// Typed, blocking calls to the broker of one state folder.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/wire/protocol/connection.h"
#include "broker/wire/protocol/messages.pb.h"
#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::client {

/// Connects a stream socket to `name` below the directory `run_fd` (by /proc/self/fd, so that the
/// length of the state folder's path does not matter; unix(7) allows 108 bytes). ECONNREFUSED or
/// ENOENT when nobody listens, EAGAIN when nobody takes the connection within `patience_ms` (0: it
/// waits for ever).
Result<UniqueFd> connect_beneath(int run_fd, const std::string& name, int patience_ms = 0);

/// A refusal by the peer: the exit code it asks for and its sentence.
struct Refusal {
  int code = 123;
  std::string text;
};

/// What a record request gives: the session's row and its record directory, opened read-only.
struct OpenRecord {
  protocol::SessionRow row;
  UniqueFd directory;
};

inline constexpr int kAnswerMs = 30'000;

/// One connection to the broker. Every call sends a request and waits for its answer, so long as
/// connect() was told.
class BrokerClient {
 public:
  static Result<BrokerClient> connect(int run_fd, int patience_ms = kAnswerMs);

  /// A ticket, or the agreement that the person has to accept first.
  struct OpenAnswer {
    protocol::OpenReply reply;
    std::optional<protocol::AgreementNeeded> needed;
  };
  Result<OpenAnswer> open(const protocol::OpenRequest& request);
  Result<std::vector<protocol::SessionRow>> sessions();
  /// `session`: full id, a prefix of 4 or more, or "last". `action`: show, events, replay, diff,
  /// verify.
  Result<OpenRecord> record(const std::string& session, const std::string& action);

  /// The workspaces that the caller may see, latest used first.
  Result<std::vector<protocol::WorkspaceRow>> workspaces();
  /// How a session that runs stands; "" is all that the caller may see.
  Result<std::vector<protocol::SessionStatus>> status(const std::string& session);
  /// Has a session told to close, pause or resume; answers its full id. That it came about shows
  /// in status().
  Result<std::string> order(const protocol::OrderRequest& request);

  /// The open requests for more than the profile that the caller may decide; "" for all.
  Result<std::vector<protocol::ApprovalRow>> approvals(const std::string& session,
                                                       const std::string& id);
  /// Approves or refuses one, as it was shown.
  Result<protocol::DecideReply> decide(const protocol::DecideRequest& request);

  /// Whether a token still lives: the JSON object of RFC 7662, 2.2, which begins with kActive or is
  /// that of one that does not.
  static constexpr std::string_view kActive = R"({"active":true,)";
  Result<std::string> introspect(std::string_view token);

  /// Joins a session of the caller's own; `stream` is the session's end of a socket pair.
  Result<protocol::AttachReply> attach(const protocol::AttachRequest& request, int stream);
  /// A certificate of minutes for the request's key, to come to a session of the caller's by ssh.
  Result<protocol::CertificateReply> certificate(const protocol::CertificateRequest& request);

  Result<protocol::TaskRow> create_task(const protocol::TaskCreateRequest& request);
  /// The tasks that the caller may see; "" for all.
  Result<std::vector<protocol::TaskRow>> tasks(const std::string& name);
  Result<protocol::TaskEndReply> end_task(const protocol::TaskEndRequest& request);
  Result<protocol::TaskProfileReply> task_profile(const std::string& name);

  /// Set when the last call failed because the broker refused it.
  [[nodiscard]] const Refusal& refusal() const { return refusal_; }
  [[nodiscard]] bool refused() const { return refused_; }

 private:
  BrokerClient(UniqueFd socket, int patience_ms)
      : connection_(std::move(socket)), patience_ms_(patience_ms) {}
  Result<protocol::Message> call(protocol::Type type, const std::string& body,
                                 protocol::Type expected,
                                 protocol::Type or_else = protocol::Type::kFailure,
                                 std::span<const int> fds = {});
  protocol::Connection connection_;
  int patience_ms_;
  Refusal refusal_;
  bool refused_ = false;
};

}  // namespace carrel::client
