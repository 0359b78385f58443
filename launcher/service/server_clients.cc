// Whoever connects to the launcher: one frame each, then they belong to an opening.

#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "launcher/service/server.h"
#include "launcher/service/spec_check.h"

namespace carrel::service {

using protocol::Connection;
using protocol::Message;
using protocol::Type;

namespace {

constexpr uint64_t kRequestMs = 10'000;
constexpr size_t kMaxClientsOfOne = 16;  // so that nobody alone keeps all others out
constexpr int kSetupFailed = 123;

uint64_t now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1'000'000;
}

void refuse(Connection& client, int code, const std::string& text) {
  // Whoever does not listen any more needs no answer.
  (void)protocol::send_message(client, Type::kEnded, setup_failure(code, text)).ok();
}

Result<uid_t> peer_of(int socket_fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(socket_fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return errno_error("ask who is calling");
  }
  return peer.uid;
}

/// Who is calling, for the host: an ordinary user serves nobody else.
Result<uid_t> caller_of(int socket_fd, std::optional<uid_t> caller) {
  ASSIGN_OR_RETURN(const uid_t peer, peer_of(socket_fd));
  if (!caller.has_value()) return peer;
  if (peer != 0) return Error{"another user's launcher", EPERM};
  return *caller;
}

}  // namespace

void Server::take_connections() {
  UniqueFd socket = accept_from(parts_.state.launcher_listener.get());
  if (!socket.valid()) {
    // Out of descriptors, most likely: the connection stays and would wake the loop at once.
    const timespec breath{0, 50'000'000};
    if (errno == EMFILE || errno == ENFILE) nanosleep(&breath, nullptr);
    return;
  }
  const Result<uid_t> peer = caller_of(socket.get(), parts_.caller);
  if (!peer.ok()) return;
  Connection connection(std::move(socket));
  const auto own = std::count_if(clients_.begin(), clients_.end(),
                                 [&peer](const Client& each) { return each.uid == peer.value(); });
  const bool is_limited = parts_.is_service && peer.value() != 0;
  if (is_limited && static_cast<size_t>(own) >= kMaxClientsOfOne) {
    return refuse(connection, kSetupFailed, "too many connections of yours wait already");
  }
  clients_.push_back({std::move(connection), peer.value(), now_ms() + kRequestMs});
}

/// One frame is all that a client says; then its connection belongs to its opening.
void Server::serve(Client& client) {
  const Result<bool> open = client.connection.fill();
  Result<std::optional<Message>> message = client.connection.next();
  if (message.ok() && message.value().has_value()) {
    begin(std::move(client.connection), std::move(*message.take()));
    client.connection.close();
    return;
  }
  const bool late = now_ms() >= client.deadline_ms;
  if (late || !message.ok() || !open.ok() || !open.value()) client.connection.close();
}

void Server::begin(Connection client, Message message) {
  if (message.type == Type::kEndWorkspaceRequest)
    return end_workspace(std::move(client), message, now_ms());
  const auto request = protocol::parse_message<protocol::LaunchRequest>(message);
  const Result<uid_t> peer = caller_of(client.fd(), parts_.caller);
  if (message.type != Type::kLaunchRequest || !request.ok() || !peer.ok() || message.fds.empty()) {
    return refuse(client, kSetupFailed, "the launcher does not understand this request");
  }
  const Status plain = check_request(request.value());
  if (!plain.ok()) return refuse(client, kSetupFailed, to_string(plain.error()));
  // Nobody would tell an opening that begins after stop() to end.
  if (stopping_) return refuse(client, kSetupFailed, "the launcher is ending");
  int code = kSetupFailed;
  Result<protocol::SessionSpec> spec =
      parts_.broker.confirm(request.value().ticket(), peer.value(), &code);
  if (!spec.ok()) return refuse(client, code, to_string(spec.error()));
  Granted granted{std::move(client), request.value(), std::move(message.fds), spec.take()};
  take_turn(std::move(granted), now_ms());
}

}  // namespace carrel::service
