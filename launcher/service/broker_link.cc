#include "launcher/service/broker_link.h"

#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "launcher/box/plan/plan.h"
#include "launcher/service/processes.h"
#include "profiles/base/text.h"

namespace carrel::service {

using protocol::Message;
using protocol::Type;

namespace {

constexpr int kAnswerMs = 30'000;
constexpr int kEndMs = 25'000;  // the broker gives sessions 20 s for their last words

}  // namespace

Result<BrokerLink> BrokerLink::start(const std::string& programs, const State& state,
                                     std::optional<uid_t> caller) {
  auto ends = protocol::make_socket_pair();
  if (!ends.ok()) return ends.take_error();
  auto [ours, theirs] = ends.take();
  ProgramStart program;
  program.program = programs + "/carrel-broker";
  program.arguments = {"--listener-fd", "3",
                       "--store-fd",    "4",
                       "--launcher-fd", "5",
                       "--log-fd",      "6"};
  // Uid 0 of the launcher's user namespace is the caller, for whoever is asked there.
  const auto whose = caller.has_value()
                         ? std::pair{"--caller", std::to_string(*caller)}
                         : std::pair{"--uid", std::to_string(plan::kBlockBase)};
  program.arguments.insert(program.arguments.end(), {whose.first, whose.second});
  program.fds = {state.broker_listener.get(), state.directory.get(), theirs.get(),
                 state.broker_log.get()};
  ASSIGN_OR_RETURN(const pid_t pid, start_program(program));
  theirs.reset();
  BrokerLink link(protocol::Connection(std::move(ours)), pid);
  Result<std::optional<Message>> first = link.connection_.receive(kAnswerMs);
  if (first.ok() && first.value().has_value()) {
    const Message& message = *first.value();
    if (message.type == Type::kBrokerReady) return link;
    if (message.type == Type::kFailure) {
      const auto failure = protocol::parse_message<protocol::Failure>(message);
      wait_or_kill(pid, kEndMs);
      return Error{"the broker cannot start: " +
                   (failure.ok() ? quoted(failure.value().text()) : failure.error().what)};
    }
  }
  wait_or_kill(pid, 0);
  return Error{"the broker ended before it was ready; see run/broker.log in the state folder"};
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
  protocol::ConfirmTicket request;
  request.set_ticket(ticket);
  request.set_peer_uid(peer_uid);
  ASSIGN_OR_RETURN(const Message answer, call(Type::kConfirmTicket, request.SerializeAsString(), -1,
                                              Type::kSessionSpec, code));
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
  protocol::ConfirmEnd request;
  request.set_ticket(ticket);
  request.set_peer_uid(peer_uid);
  ASSIGN_OR_RETURN(const Message answer, call(Type::kConfirmEnd, request.SerializeAsString(), -1,
                                              Type::kEndGranted, nullptr));
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

void BrokerLink::look() {
  const Result<bool> open = connection_.fill();
  if (!open.ok() || !open.value()) lost_ = true;
}

void BrokerLink::stop() {
  connection_.close();
  lost_ = true;
  if (pid_ > 0) wait_or_kill(pid_, kEndMs);
  pid_ = -1;
}

}  // namespace carrel::service
