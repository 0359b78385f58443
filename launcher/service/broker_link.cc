#include "launcher/service/broker_link.h"

#include <time.h>

#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "broker/record/evidence/sha256.h"
#include "broker/wire/ticket/ticket.h"
#include "launcher/box/plan/plan.h"
#include "launcher/service/processes.h"
#include "profiles/base/text.h"

namespace carrel::service {

using protocol::Message;
using protocol::Type;

namespace {

constexpr int kAnswerMs = 30'000;
constexpr int kEndMs = 25'000;  // the broker gives sessions 20 s for their last words
constexpr int kGoneMs = 2000;
constexpr int kNotGranted = 121;
constexpr int kBroken = 123;

uint64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

/// What the broker answers now is what it signed then.
Status check_digest(const ticket::Claims& claims, const Message& answer) {
  if (evidence::sha256(answer.body) == claims.digest) return Done{};
  return Error{"the broker confirmed something else than its ticket says", EPROTO};
}

/// What reads secrets for this broker, which may not itself: `channel` is its end of theirs. It
/// ends with the broker's. An ordinary user's launcher has left the host's network.
Result<pid_t> start_secrets(const std::string& programs, const State& state, bool in_network,
                            int channel) {
  ProgramStart program;
  program.program = programs + "/carrel-secrets";
  program.arguments = {"--broker-fd", "3", "--folder-fd", "4", "--log-fd", "5"};
  program.fds = {channel, state.secrets.get(), state.broker_log.get()};
  if (state.credentials.valid()) {
    program.arguments.insert(program.arguments.end(), {std::string("--credentials-fd"), "6"});
    program.fds.push_back(state.credentials.get());
  }
  if (in_network) {
    program.arguments.insert(program.arguments.end(), {std::string("--network"), "1"});
  }
  return start_program(program);
}

}  // namespace

Result<BrokerLink> BrokerLink::start(const std::string& programs, const State& state,
                                     std::optional<uid_t> caller) {
  auto ends = protocol::make_socket_pair();
  if (!ends.ok()) return ends.take_error();
  auto [ours, theirs] = ends.take();
  auto channel = protocol::make_socket_pair();
  if (!channel.ok()) return channel.take_error();
  auto [asks, answers] = channel.take();
  ProgramStart program;
  program.program = programs + "/carrel-broker";
  program.arguments = {"--listener-fd", "3", "--store-fd",   "4", "--launcher-fd", "5",
                       "--log-fd",      "6", "--secrets-fd", "7"};
  // Uid 0 of the launcher's user namespace is the caller, for whoever is asked there.
  const auto whose = caller.has_value() ? std::pair{"--caller", std::to_string(*caller)}
                                        : std::pair{"--uid", std::to_string(plan::kBlockBase)};
  program.arguments.insert(program.arguments.end(), {whose.first, whose.second});
  if (state.sockets.valid()) {
    program.arguments.insert(program.arguments.end(), {std::string("--service"), std::string("1")});
  }
  program.fds = {state.broker_listener.get(), state.directory.get(), theirs.get(),
                 state.broker_log.get(), asks.get()};
  ASSIGN_OR_RETURN(const pid_t pid, start_program(program));
  theirs.reset();
  asks.reset();
  BrokerLink link(protocol::Connection(std::move(ours)), pid);
  int patience_ms = 0;
  Status ready = Done{};
  const Result<pid_t> secrets = start_secrets(programs, state, !caller.has_value(), answers.get());
  answers.reset();
  if (secrets.ok()) {
    link.secrets_pid_ = secrets.value();
    ready = link.wait_until_ready(&patience_ms);
  } else {
    ready = secrets.error();
  }
  if (ready.ok()) return link;
  link.end(patience_ms);
  return ready.take_error();
}

/// `patience_ms` is how long a broker that will not be ready takes to end by itself.
Status BrokerLink::wait_until_ready(int* patience_ms) {
  const Result<std::optional<Message>> first = connection_.receive(kAnswerMs);
  if (first.ok() && first.value().has_value()) {
    const Message& message = *first.value();
    if (message.type == Type::kBrokerReady) return take_ready(message);
    if (message.type == Type::kFailure) {
      *patience_ms = kEndMs;
      const auto failure = protocol::parse_message<protocol::Failure>(message);
      return Error{"the broker cannot start: " +
                   (failure.ok() ? quoted(failure.value().text()) : failure.error().what)};
    }
  }
  return Error{"the broker ended before it was ready; see run/broker.log in the state folder"};
}

/// The key by which this broker's tickets are believed comes on the private channel alone.
Status BrokerLink::take_ready(const Message& message) {
  ASSIGN_OR_RETURN(const auto ready, protocol::parse_message<protocol::BrokerReady>(message));
  if (ready.ticket_key().size() != sizeof ticket_key_) {
    return Error{"the broker named no key of its tickets", EPROTO};
  }
  ticket_key_ = evidence::to_array<sizeof ticket_key_>(ready.ticket_key());
  return Done{};
}

Result<Message> BrokerLink::call(Type type, const std::string& body, int fd, Type expected,
                                 int* code) {
  if (lost_) return Error{"the broker is gone", EPIPE};
  const std::vector<int> fds = fd < 0 ? std::vector<int>{} : std::vector<int>{fd};
  const Status sent = connection_.send(type, body, fds);
  Result<std::optional<Message>> answer =
      sent.ok() ? connection_.receive(kAnswerMs) : Result<std::optional<Message>>(sent.error());
  if (!answer.ok() || !answer.value().has_value()) {
    lost_ = true;
    return Error{"the broker is gone", EPIPE};
  }
  Message message = std::move(*answer.take());
  if (message.type == Type::kFailure) {
    ASSIGN_OR_RETURN(const protocol::Failure failure,
                     protocol::parse_message<protocol::Failure>(message));
    if (code != nullptr) *code = static_cast<int>(failure.code());
    return Error{quoted(failure.text())};
  }
  if (message.type != expected) {
    lost_ = true;
    return Error{"the broker answered out of turn", EPROTO};
  }
  return message;
}

Result<protocol::SessionSpec> BrokerLink::confirm(const std::string& ticket, uid_t peer_uid,
                                                  int* code) {
  *code = kNotGranted;
  ASSIGN_OR_RETURN(
      const ticket::Claims claims,
      ticket::check_ticket(ticket, ticket_key_, ticket::Purpose::kOpen, peer_uid, now_ns()));
  *code = kBroken;
  protocol::ConfirmTicket request;
  request.set_ticket(ticket);
  request.set_peer_uid(peer_uid);
  ASSIGN_OR_RETURN(const Message answer, call(Type::kConfirmTicket, request.SerializeAsString(), -1,
                                              Type::kSessionSpec, code));
  RETURN_IF_ERROR(check_digest(claims, answer));
  return protocol::parse_message<protocol::SessionSpec>(answer);
}

Result<UniqueFd> BrokerLink::start_session(const protocol::SessionStart& start) {
  auto ends = protocol::make_socket_pair();
  if (!ends.ok()) return ends.take_error();
  auto [session_end, broker_end] = ends.take();
  ASSIGN_OR_RETURN(const Message answer, call(Type::kSessionStart, start.SerializeAsString(),
                                              broker_end.get(), Type::kAck, nullptr));
  return std::move(session_end);
}

Status BrokerLink::session_gone(const std::string& session, const std::string& how) {
  protocol::SessionGone gone;
  gone.set_session(session);
  gone.set_how(how);
  ASSIGN_OR_RETURN(const Message answer,
                   call(Type::kSessionGone, gone.SerializeAsString(), -1, Type::kAck, nullptr));
  return Done{};
}

Result<protocol::EndGranted> BrokerLink::confirm_end(const std::string& ticket, uid_t peer_uid) {
  ASSIGN_OR_RETURN(
      const ticket::Claims claims,
      ticket::check_ticket(ticket, ticket_key_, ticket::Purpose::kErase, peer_uid, now_ns()));
  protocol::ConfirmEnd request;
  request.set_ticket(ticket);
  request.set_peer_uid(peer_uid);
  ASSIGN_OR_RETURN(const Message answer, call(Type::kConfirmEnd, request.SerializeAsString(), -1,
                                              Type::kEndGranted, nullptr));
  RETURN_IF_ERROR(check_digest(claims, answer));
  return protocol::parse_message<protocol::EndGranted>(answer);
}

Status BrokerLink::workspace_erased(const std::string& workspace, const std::string& how) {
  protocol::WorkspaceErased erased;
  erased.set_workspace(workspace);
  erased.set_how(how);
  ASSIGN_OR_RETURN(const Message answer, call(Type::kWorkspaceErased, erased.SerializeAsString(),
                                              -1, Type::kAck, nullptr));
  return Done{};
}

Result<std::vector<std::string>> BrokerLink::due_workspaces() {
  ASSIGN_OR_RETURN(const Message answer, call(Type::kDueRequest, "", -1, Type::kDueReply, nullptr));
  ASSIGN_OR_RETURN(const auto reply, protocol::parse_message<protocol::DueReply>(answer));
  return std::vector<std::string>(reply.workspaces().begin(), reply.workspaces().end());
}

bool BrokerLink::secrets_ended(pid_t pid) {
  if (secrets_pid_ <= 0 || pid != secrets_pid_) return false;
  secrets_pid_ = -1;
  return true;
}

Status BrokerLink::restart_secrets(const std::string& programs, const State& state,
                                   std::optional<uid_t> caller) {
  auto channel = protocol::make_socket_pair();
  if (!channel.ok()) return channel.take_error();
  auto [asks, answers] = channel.take();
  ASSIGN_OR_RETURN(secrets_pid_,
                   start_secrets(programs, state, !caller.has_value(), answers.get()));
  answers.reset();
  ASSIGN_OR_RETURN(const Message answer,
                   call(Type::kSecretsChannel, "", asks.get(), Type::kAck, nullptr));
  return Done{};
}

void BrokerLink::look() {
  const Result<bool> open = connection_.fill();
  if (!open.ok() || !open.value()) lost_ = true;
}

/// What reads secrets ends by itself once its broker has gone.
void BrokerLink::end(int patience_ms) {
  connection_.close();
  lost_ = true;
  if (pid_ > 0) wait_or_kill(pid_, patience_ms);
  if (secrets_pid_ > 0) wait_or_kill(secrets_pid_, kGoneMs);
  pid_ = -1;
  secrets_pid_ = -1;
}

void BrokerLink::give_up() {
  end(kGoneMs);
}

void BrokerLink::stop() {
  end(kEndMs);
}

}  // namespace carrel::service
