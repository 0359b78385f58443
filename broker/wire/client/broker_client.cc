#include "broker/wire/client/broker_client.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <array>
#include <cstring>

#include "profiles/base/text.h"

namespace carrel::client {

using protocol::Message;
using protocol::Type;

Result<UniqueFd> connect_beneath(int run_fd, const std::string& name, int patience_ms) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(run_fd) + "/" + name;
  if (path.size() >= sizeof address.sun_path) return Error{"connect " + name, ENAMETOOLONG};
  memcpy(address.sun_path, path.c_str(), path.size() + 1);
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return errno_error("socket");
  const timeval patience{patience_ms / 1000, suseconds_t{patience_ms % 1000} * 1000};
  if (setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0)
    return errno_error("setsockopt");
  if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return errno_error("connect " + name);
  }
  return socket;
}

Result<BrokerClient> BrokerClient::connect(int run_fd, int patience_ms) {
  ASSIGN_OR_RETURN(UniqueFd socket, connect_beneath(run_fd, "broker.sock", patience_ms));
  return BrokerClient(std::move(socket), patience_ms);
}

Result<Message> BrokerClient::call(Type type, const std::string& body, Type expected, Type or_else,
                                   std::span<const int> fds) {
  refused_ = false;
  RETURN_IF_ERROR(connection_.send(type, body, fds));
  ASSIGN_OR_RETURN(std::optional<Message> answer, connection_.receive(patience_ms_));
  if (!answer.has_value()) return Error{"the broker closed the connection", ECONNRESET};
  if (answer->type == Type::kFailure) {
    ASSIGN_OR_RETURN(const protocol::Failure failure,
                     protocol::parse_message<protocol::Failure>(*answer));
    refused_ = true;
    refusal_ = Refusal{static_cast<int>(failure.code()), quoted(failure.text())};
    return Error{refusal_.text};
  }
  if (answer->type != expected && answer->type != or_else)
    return Error{"the broker answered out of turn", EPROTO};
  return std::move(*answer);
}

Result<BrokerClient::OpenAnswer> BrokerClient::open(const protocol::OpenRequest& request) {
  OpenAnswer out;
  ASSIGN_OR_RETURN(const Message answer, call(Type::kOpenRequest, request.SerializeAsString(),
                                              Type::kOpenReply, Type::kAgreementNeeded));
  if (answer.type == Type::kAgreementNeeded) {
    ASSIGN_OR_RETURN(out.needed, protocol::parse_message<protocol::AgreementNeeded>(answer));
  } else {
    ASSIGN_OR_RETURN(out.reply, protocol::parse_message<protocol::OpenReply>(answer));
  }
  return out;
}

Result<std::string> BrokerClient::introspect(std::string_view token) {
  protocol::TokenRequest request;
  request.set_token(std::string(token));
  ASSIGN_OR_RETURN(const Message answer,
                   call(Type::kTokenRequest, request.SerializeAsString(), Type::kTokenReply));
  ASSIGN_OR_RETURN(const auto reply, protocol::parse_message<protocol::TokenReply>(answer));
  return reply.json();
}

Result<protocol::AttachReply> BrokerClient::attach(const protocol::AttachRequest& request,
                                                   int stream) {
  const std::array<int, 1> fds{stream};
  ASSIGN_OR_RETURN(const Message answer, call(Type::kAttachRequest, request.SerializeAsString(),
                                              Type::kAttachReply, Type::kFailure, fds));
  return protocol::parse_message<protocol::AttachReply>(answer);
}

Result<protocol::CertificateReply> BrokerClient::certificate(
    const protocol::CertificateRequest& request) {
  ASSIGN_OR_RETURN(
      const Message answer,
      call(Type::kCertificateRequest, request.SerializeAsString(), Type::kCertificateReply));
  return protocol::parse_message<protocol::CertificateReply>(answer);
}

Result<std::vector<protocol::SessionRow>> BrokerClient::sessions() {
  ASSIGN_OR_RETURN(
      const Message answer,
      call(Type::kListRequest, protocol::ListRequest().SerializeAsString(), Type::kListReply));
  ASSIGN_OR_RETURN(const protocol::ListReply reply,
                   protocol::parse_message<protocol::ListReply>(answer));
  return std::vector<protocol::SessionRow>(reply.rows().begin(), reply.rows().end());
}

Result<OpenRecord> BrokerClient::record(const std::string& session, const std::string& action) {
  protocol::RecordRequest request;
  request.set_session(session);
  request.set_action(action);
  ASSIGN_OR_RETURN(Message answer,
                   call(Type::kRecordRequest, request.SerializeAsString(), Type::kRecordReply));
  ASSIGN_OR_RETURN(protocol::RecordReply reply,
                   protocol::parse_message<protocol::RecordReply>(answer));
  if (answer.fds.size() != 1) return Error{"the broker sent no record directory", EPROTO};
  return OpenRecord{reply.row(), std::move(answer.fds[0])};
}

Result<std::vector<protocol::WorkspaceRow>> BrokerClient::workspaces() {
  ASSIGN_OR_RETURN(const Message answer,
                   call(Type::kWorkspacesRequest, "", Type::kWorkspacesReply));
  ASSIGN_OR_RETURN(const auto reply, protocol::parse_message<protocol::WorkspacesReply>(answer));
  return std::vector<protocol::WorkspaceRow>(reply.rows().begin(), reply.rows().end());
}

Result<std::vector<protocol::SessionStatus>> BrokerClient::status(const std::string& session) {
  protocol::StatusRequest request;
  request.set_session(session);
  ASSIGN_OR_RETURN(const Message answer,
                   call(Type::kStatusRequest, request.SerializeAsString(), Type::kStatusReply));
  ASSIGN_OR_RETURN(const auto reply, protocol::parse_message<protocol::StatusReply>(answer));
  return std::vector<protocol::SessionStatus>(reply.sessions().begin(), reply.sessions().end());
}

Result<std::string> BrokerClient::order(const protocol::OrderRequest& request) {
  ASSIGN_OR_RETURN(const Message answer,
                   call(Type::kOrderRequest, request.SerializeAsString(), Type::kOrderReply));
  ASSIGN_OR_RETURN(const auto reply, protocol::parse_message<protocol::OrderReply>(answer));
  return reply.session();
}

Result<std::vector<protocol::ApprovalRow>> BrokerClient::approvals(const std::string& session,
                                                                   const std::string& id) {
  protocol::ApprovalsRequest request;
  request.set_session(session);
  request.set_id(id);
  ASSIGN_OR_RETURN(const Message answer, call(Type::kApprovalsRequest, request.SerializeAsString(),
                                              Type::kApprovalsReply));
  ASSIGN_OR_RETURN(const auto reply, protocol::parse_message<protocol::ApprovalsReply>(answer));
  return std::vector<protocol::ApprovalRow>(reply.rows().begin(), reply.rows().end());
}

Result<protocol::DecideReply> BrokerClient::decide(const protocol::DecideRequest& request) {
  ASSIGN_OR_RETURN(const Message answer,
                   call(Type::kDecideRequest, request.SerializeAsString(), Type::kDecideReply));
  return protocol::parse_message<protocol::DecideReply>(answer);
}

Result<protocol::TaskRow> BrokerClient::create_task(const protocol::TaskCreateRequest& request) {
  ASSIGN_OR_RETURN(const Message answer,
                   call(Type::kTaskCreateRequest, request.SerializeAsString(), Type::kTaskReply));
  ASSIGN_OR_RETURN(const auto reply, protocol::parse_message<protocol::TaskReply>(answer));
  return reply.row();
}

Result<std::vector<protocol::TaskRow>> BrokerClient::tasks(const std::string& name) {
  protocol::TasksRequest request;
  request.set_name(name);
  ASSIGN_OR_RETURN(const Message answer,
                   call(Type::kTasksRequest, request.SerializeAsString(), Type::kTasksReply));
  ASSIGN_OR_RETURN(const auto reply, protocol::parse_message<protocol::TasksReply>(answer));
  return std::vector<protocol::TaskRow>(reply.rows().begin(), reply.rows().end());
}

Result<protocol::TaskEndReply> BrokerClient::end_task(const protocol::TaskEndRequest& request) {
  ASSIGN_OR_RETURN(const Message answer,
                   call(Type::kTaskEndRequest, request.SerializeAsString(), Type::kTaskEndReply));
  return protocol::parse_message<protocol::TaskEndReply>(answer);
}

Result<protocol::TaskProfileReply> BrokerClient::task_profile(const std::string& name) {
  protocol::TaskProfileRequest request;
  request.set_name(name);
  ASSIGN_OR_RETURN(
      const Message answer,
      call(Type::kTaskProfileRequest, request.SerializeAsString(), Type::kTaskProfileReply));
  return protocol::parse_message<protocol::TaskProfileReply>(answer);
}

}  // namespace carrel::client
