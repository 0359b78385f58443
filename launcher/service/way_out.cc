#include "launcher/service/way_out.h"

#include <poll.h>

#include <cerrno>
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

/// What carrel-network says; a failure of its own is an Error.
Result<Message> hear(protocol::Connection& maker, const char* what) {
  Result<std::optional<Message>> said = maker.receive(kPatienceMs);
  const bool hung_up = said.ok() ? !said.value().has_value() : said.error().sys_errno == ECONNRESET;
  if (hung_up) return Error{std::string(what) + ": it ended without a word"};
  if (!said.ok()) return said.take_error();
  Message message = std::move(*said.take());
  if (message.type == Type::kGo) return message;
  ASSIGN_OR_RETURN(const auto failure, protocol::parse_message<protocol::Failure>(message));
  return Error{quoted(failure.text())};
}

/// A program that hears us by descriptor 3.
Result<UniqueFd> start_with(const std::string& program, uid_t uid, const UniqueFd& control) {
  ProgramStart start;
  start.program = program;
  start.fds = {control.get()};
  start.uid = uid;
  ASSIGN_OR_RETURN(const pid_t pid, start_program(start));
  return process_fd(pid);
}

}  // namespace

Result<WayOut> WayOut::start(const std::string& folder, const Porter& porter, uid_t uid) {
  WayOut way;
  auto makers = protocol::make_socket_pair();
  if (!makers.ok()) return makers.take_error();
  auto [maker, network] = makers.take();
  auto controls = protocol::make_socket_pair();
  if (!controls.ok()) return controls.take_error();
  auto [control, gateway] = controls.take();
  ASSIGN_OR_RETURN(way.maker_process_, start_with(folder + "/carrel-network", 0, network));
  const std::string program = folder + "/carrel-gateway";
  if (uid != 0) {
    ASSIGN_OR_RETURN(way.gateway_process_, start_with(program, uid, gateway));
  } else {
    RETURN_IF_ERROR(porter.start_program(program, gateway.get()));
  }
  way.maker_ = protocol::Connection(std::move(maker));
  way.control_ = protocol::Connection(std::move(control));
  return way;
}

bool WayOut::waits() const {
  pollfd looks[] = {{maker_.fd(), POLLIN, 0}, {control_.fd(), POLLIN, 0}};
  return poll(looks, 2, 0) == 0;
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

Status WayOut::begin(const protocol::GatewayConfig& config, int names) {
  (void)maker_.send(Type::kGo, "").ok();  // one that has failed is gone, and has said why
  ASSIGN_OR_RETURN(Message made, hear(maker_, "make the workspace's network"));
  if (made.fds.size() != kDescriptors) return Error{"the workspace's network did not come", EPROTO};
  network_ = std::move(made.fds.front());
  auto channels = protocol::make_socket_pair();
  if (!channels.ok()) return channels.take_error();
  auto [session, gateway] = channels.take();
  std::vector<int> fds = {gateway.get()};
  for (size_t i = 1; i < made.fds.size(); ++i)
    fds.push_back(made.fds[i].get());
  fds.push_back(names);
  session_ = std::move(session);
  // Our copies end here: one would keep connections waiting for a gateway that has died.
  const Status told = protocol::send_message(control_, Type::kGatewayConfig, config, fds);
  if (told.ok()) return told;
  const auto why = hear_ready();  // what it said before it hung up
  return why.ok() ? told : why.error();
}

Status WayOut::hear_gateway() {
  ASSIGN_OR_RETURN(authority_, hear_ready());
  return Done{};
}

Status WayOut::begin_trial(uid_t uid) {
  return maker_.send(Type::kGo, std::to_string(uid));
}

Status WayOut::hear_trial() {
  ASSIGN_OR_RETURN(const Message tried, hear(maker_, "try the workspace's network"));
  maker_.close();
  (void)end_process(maker_process_, kPatienceMs);
  maker_process_.reset();
  RETURN_IF_ERROR(control_.send(Type::kGo, tried.body));
  return hear_ready().ok() ? Status(Done{})
                           : Status(Error{"the self-test of the workspace's network failed: what "
                                          "was refused was not told of"});
}

void WayOut::end(int patience_ms) {
  maker_.close();
  control_.close();
  session_.reset();
  for (UniqueFd* process : {&maker_process_, &gateway_process_}) {
    if (process->valid()) (void)end_process(*process, patience_ms);
    process->reset();
  }
}

}  // namespace carrel::service
