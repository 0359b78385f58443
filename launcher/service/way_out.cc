#include "launcher/service/way_out.h"

#include <optional>
#include <utility>

#include "launcher/service/processes.h"
#include "profiles/base/text.h"

namespace carrel::service {

using protocol::Message;
using protocol::Type;

namespace {

constexpr int kPatienceMs = 20'000;
constexpr size_t kDescriptors = 8;  // the namespace, and launcher/box/network/sockets.h

struct Started {
  protocol::Connection control;
  pid_t pid = -1;
};

Result<Started> start_helper(const std::string& program, std::vector<std::string> arguments,
                             int further_fd) {
  auto ends = protocol::make_socket_pair();
  if (!ends.ok()) return ends.take_error();
  auto [ours, theirs] = ends.take();
  ProgramStart start;
  start.program = program;
  start.arguments = std::move(arguments);
  start.fds = {theirs.get()};
  if (further_fd >= 0) start.fds.push_back(further_fd);
  ASSIGN_OR_RETURN(const pid_t pid, start_program(start));
  return Started{protocol::Connection(std::move(ours)), pid};
}

/// What a helper says once, and its end.
Result<Message> hear(Started& started, const char* what) {
  Result<std::optional<Message>> said = started.control.receive(kPatienceMs);
  (void)wait_or_kill(started.pid, kPatienceMs);
  if (!said.ok()) return said.take_error();
  if (!said.value().has_value()) return Error{std::string(what) + ": it ended without a word"};
  Message message = std::move(*said.take());
  if (message.type == Type::kGo) return message;
  ASSIGN_OR_RETURN(const auto failure, protocol::parse_message<protocol::Failure>(message));
  return Error{quoted(failure.text())};
}

}  // namespace

Result<WayOut> WayOut::make(const std::string& folder) {
  WayOut way;
  way.folder_ = folder;
  ASSIGN_OR_RETURN(Started helper, start_helper(folder + "/carrel-network", {"make"}, -1));
  ASSIGN_OR_RETURN(Message made, hear(helper, "make the workspace's network"));
  if (made.fds.size() != kDescriptors) return Error{"the workspace's network did not come", EPROTO};
  way.network_ = std::move(made.fds.front());
  for (size_t i = 1; i < made.fds.size(); ++i)
    way.sockets_.push_back(std::move(made.fds[i]));
  return way;
}

Result<std::string> WayOut::hear_ready() {
  ASSIGN_OR_RETURN(std::optional<Message> said, control_.receive(kPatienceMs));
  if (!said.has_value()) return Error{"the gateway ended as soon as it was started"};
  if (said->type == Type::kFailure) {
    ASSIGN_OR_RETURN(const auto failure, protocol::parse_message<protocol::Failure>(*said));
    return Error{"the gateway cannot start: " + quoted(failure.text())};
  }
  if (said->type != Type::kGatewayReady) return Error{"the gateway spoke out of turn", EPROTO};
  ASSIGN_OR_RETURN(const auto ready, protocol::parse_message<protocol::GatewayReady>(*said));
  constexpr size_t kTrustFiles = 3;
  if (!said->fds.empty()) {
    if (said->fds.size() != kTrustFiles) return Error{"the gateway's certificates did not come"};
    trust_ = std::move(said->fds);
  }
  return ready.authority();
}

Status WayOut::start_gateway(const Porter& porter, uid_t uid, const protocol::GatewayConfig& config,
                             UniqueFd names) {
  auto controls = protocol::make_socket_pair();
  if (!controls.ok()) return controls.take_error();
  auto [ours, theirs] = controls.take();
  auto channels = protocol::make_socket_pair();
  if (!channels.ok()) return channels.take_error();
  auto [session, gateway] = channels.take();
  const std::string program = folder_ + "/carrel-gateway";
  if (uid != 0) {
    ProgramStart start;
    start.program = program;
    start.fds = {theirs.get()};
    start.uid = uid;
    ASSIGN_OR_RETURN(pid_, start_program(start));
  } else {
    RETURN_IF_ERROR(porter.start_program(program, theirs.get()));
  }
  theirs.reset();
  control_ = protocol::Connection(std::move(ours));
  std::vector<int> fds = {gateway.get()};
  for (const UniqueFd& socket : sockets_)
    fds.push_back(socket.get());
  fds.push_back(names.get());
  RETURN_IF_ERROR(protocol::send_message(control_, Type::kGatewayConfig, config, fds));
  // A copy would keep connections waiting for a gateway that has died.
  sockets_.clear();
  session_ = std::move(session);
  ASSIGN_OR_RETURN(authority_, hear_ready());
  return Done{};
}

Status WayOut::try_from_inside(uid_t uid) {
  ASSIGN_OR_RETURN(Started helper, start_helper(folder_ + "/carrel-network",
                                                {"probe", std::to_string(uid)}, network_.get()));
  ASSIGN_OR_RETURN(const Message tried, hear(helper, "try the workspace's network"));
  RETURN_IF_ERROR(control_.send(Type::kGo, tried.body));  // how many refusals it must know of
  return hear_ready().ok() ? Status(Done{})
                           : Status(Error{"the self-test of the workspace's network failed: what "
                                          "was refused was not told of"});
}

void WayOut::end() {
  control_.close();
  session_.reset();
  if (pid_ > 0) (void)wait_or_kill(pid_, kPatienceMs);
  pid_ = -1;
}

}  // namespace carrel::service
