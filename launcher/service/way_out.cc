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
constexpr int kAgainMs = 5000;      // while the session waits for other words of ours, too
constexpr size_t kDescriptors = 8;  // the namespace, and launcher/box/network/sockets.h

/// What carrel-network says; a failure of its own is an Error.
Result<Message> hear(protocol::Connection& maker, const char* what, int patience_ms = kPatienceMs) {
  Result<std::optional<Message>> said = maker.receive(patience_ms);
  const bool hung_up = said.ok() ? !said.value().has_value() : said.error().sys_errno == ECONNRESET;
  if (hung_up) return Error{std::string(what) + ": it ended without a word"};
  if (!said.ok()) return said.take_error();
  Message message = std::move(*said.take());
  if (message.type == Type::kGo) return message;
  ASSIGN_OR_RETURN(const auto failure, protocol::parse_message<protocol::Failure>(message));
  return Error{quoted(failure.text())};
}

/// A program that hears us by descriptor 3.
Result<UniqueFd> start_with(const std::string& program, uid_t uid, const UniqueFd& control,
                            std::vector<std::string> arguments = {}) {
  ProgramStart start;
  start.program = program;
  start.arguments = std::move(arguments);
  start.fds = {control.get()};
  start.uid = uid;
  ASSIGN_OR_RETURN(const pid_t pid, start_program(start));
  return process_fd(pid);
}

}  // namespace

/// `uid` 0: by the porter.
Result<WayOut::GatewayProcess> WayOut::start_gateway(const std::string& folder,
                                                     const Porter& porter, uid_t uid,
                                                     const UniqueFd& control) {
  const std::string program = folder + "/carrel-gateway";
  GatewayProcess started;
  if (uid != 0) {
    ASSIGN_OR_RETURN(started.process, start_with(program, uid, control));
  } else {
    ASSIGN_OR_RETURN(started.by_porter, porter.start_program(program, control.get()));
  }
  return started;
}

bool WayOut::end(GatewayProcess& gateway, int patience_ms, int killed_ms) {
  if (gateway.by_porter.valid()) {
    Result<UniqueFd> process = Porter::hear_process(gateway.by_porter, kAgainMs);
    if (!process.ok() && process.error().sys_errno != ESRCH) return false;
    if (process.ok()) gateway.process = process.take();
    gateway.by_porter.reset();
  }
  if (gateway.process.valid() && !end_process(gateway.process, patience_ms, killed_ms))
    return false;
  gateway.process.reset();
  return true;
}

bool WayOut::end_gateway(int patience_ms, int killed_ms) {
  control_.close();
  std::erase_if(stayed_, [killed_ms](GatewayProcess& each) { return end(each, 0, killed_ms); });
  if (!end(gateway_, patience_ms, killed_ms)) {
    stayed_.push_back(std::exchange(gateway_, GatewayProcess()));
  }
  return stayed_.empty();
}

/// carrel-network with these arguments, and a gateway.
Status WayOut::start_both(const std::string& folder, const Porter& porter, uid_t uid,
                          std::vector<std::string> arguments) {
  auto makers = protocol::make_socket_pair();
  if (!makers.ok()) return makers.take_error();
  auto [maker, network] = makers.take();
  auto controls = protocol::make_socket_pair();
  if (!controls.ok()) return controls.take_error();
  auto [control, gateway] = controls.take();
  ASSIGN_OR_RETURN(maker_process_,
                   start_with(folder + "/carrel-network", 0, network, std::move(arguments)));
  ASSIGN_OR_RETURN(gateway_, start_gateway(folder, porter, uid, gateway));
  maker_ = protocol::Connection(std::move(maker));
  control_ = protocol::Connection(std::move(control));
  return Done{};
}

Result<WayOut> WayOut::start(const std::string& folder, const Porter& porter, uid_t uid) {
  WayOut way;
  RETURN_IF_ERROR(way.start_both(folder, porter, uid, {}));
  return way;
}

bool WayOut::waits() const {
  pollfd looks[] = {{maker_.fd(), POLLIN, 0}, {control_.fd(), POLLIN, 0}};
  return poll(looks, 2, 0) == 0;
}

Result<std::string> WayOut::hear_ready(int patience_ms) {
  ASSIGN_OR_RETURN(std::optional<Message> said, control_.receive(patience_ms));
  if (!said.has_value()) return Error{"the gateway ended without a word"};
  if (said->type == Type::kFailure) {
    ASSIGN_OR_RETURN(const auto failure, protocol::parse_message<protocol::Failure>(*said));
    return Error{"the gateway says: " + quoted(failure.text())};
  }
  if (said->type != Type::kGatewayReady) return Error{"the gateway spoke out of turn", EPROTO};
  ASSIGN_OR_RETURN(const auto ready, protocol::parse_message<protocol::GatewayReady>(*said));
  constexpr size_t kTrustFiles = 3;
  std::vector<UniqueFd> fds = std::move(said->fds);
  if (fds.empty()) return ready.authority();
  if (kept_.valid()) return Error{"the gateway gave what nobody asked it for", EPROTO};
  kept_ = std::move(fds.front());
  fds.erase(fds.begin());
  if (!fds.empty() && fds.size() != kTrustFiles) {
    return Error{"the gateway's certificates did not come"};
  }
  trust_ = std::move(fds);
  return ready.authority();
}

Status WayOut::begin(const protocol::GatewayConfig& config, int names) {
  (void)maker_.send(Type::kGo, "").ok();  // one that has failed is gone, and has said why
  ASSIGN_OR_RETURN(Message made, hear(maker_, "make the workspace's network"));
  if (made.fds.size() != kDescriptors) return Error{"the workspace's network did not come", EPROTO};
  network_ = std::move(made.fds.front());
  return configure(config, std::move(made), names);
}

/// Gives the gateway what carrel-network has made.
Status WayOut::configure(const protocol::GatewayConfig& config, Message made, int names) {
  auto channels = protocol::make_socket_pair();
  if (!channels.ok()) return channels.take_error();
  auto [session, gateway] = channels.take();
  std::vector<int> fds = {gateway.get()};
  for (size_t i = 1; i < made.fds.size(); ++i)
    fds.push_back(made.fds[i].get());
  fds.push_back(names);
  if (config.again()) fds.push_back(kept_.get());
  session_ = std::move(session);
  // Our copies end here: one would keep connections waiting for a gateway that has died.
  const Status told = protocol::send_message(control_, Type::kGatewayConfig, config, fds);
  if (told.ok()) return told;
  const auto why = hear_ready(kAgainMs);  // what it said before it hung up
  return why.ok() ? told : why.error();
}

Status WayOut::hear_gateway() {
  ASSIGN_OR_RETURN(authority_, hear_ready(kPatienceMs));
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
  const Status told = control_.send(Type::kGo, tried.body);
  const Result<std::string> begun = hear_ready(kPatienceMs);  // what it said before it hung up, too
  if (begun.ok()) return told;
  return Error{"the self-test of the workspace's network failed: " + to_string(begun.error()) +
               "; try again: if it stays so, run/launcher.log of the state folder and the kernel's "
               "log may say more"};
}

Status WayOut::start_again(const std::string& folder, const Porter& porter, uid_t uid,
                           protocol::GatewayConfig config, int names) {
  // Its sockets would be taken for the next one's.
  if (!drop_gateway(0)) return Error{"the gateway that was there before does not end"};
  session_.reset();
  RETURN_IF_ERROR(start_both(folder, porter, uid, {"again"}));
  const int wanted[] = {network_.get()};
  (void)maker_.send(Type::kGo, "", wanted).ok();  // one that has failed has said why
  Result<Message> made = hear(maker_, "make the gateway's sockets again", kAgainMs);
  maker_.close();
  (void)end_process(maker_process_, kAgainMs);
  maker_process_.reset();
  if (!made.ok()) return made.take_error();
  if (made.value().fds.size() != kDescriptors) return Error{"no sockets came", EPROTO};
  config.set_again(true);
  RETURN_IF_ERROR(configure(config, made.take(), names));
  ASSIGN_OR_RETURN([[maybe_unused]] const std::string same, hear_ready(kAgainMs));
  return Done{};
}

bool WayOut::drop_gateway(int killed_ms) {
  return end_gateway(0, killed_ms);
}

bool WayOut::end(int patience_ms) {
  maker_.close();
  control_.close();  // they end by themselves
  session_.reset();
  if (maker_process_.valid()) (void)end_process(maker_process_, patience_ms);
  maker_process_.reset();
  return end_gateway(patience_ms, kKilledMs);
}

}  // namespace carrel::service
