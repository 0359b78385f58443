// A further terminal, or an ssh connection, at a running session: the person's own, and only
// theirs.

#include <sys/socket.h>

#include "broker/service/monitor/monitor.h"
#include "broker/service/monitor/opening.h"

namespace carrel::monitor {
namespace {

using protocol::Message;
using protocol::Type;

// Exit codes of interfaces.md 1.
constexpr uint32_t kUsage = 120;
constexpr uint32_t kBroken = 123;
constexpr size_t kMaxWord = 64;

/// TERM and LANG: what could name a file is no such value.
bool is_plain(std::string_view word) {
  constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.+@";
  return word.size() <= kMaxWord && word.find_first_not_of(kAllowed) == std::string_view::npos;
}

/// What a session gets from a client is a local stream: closing one never waits, as closing a TCP
/// socket with SO_LINGER can (socket(7)).
bool is_local_stream(int fd) {
  int domain = 0, type = 0;
  socklen_t domain_size = sizeof domain, type_size = sizeof type;
  return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_size) == 0 && domain == AF_UNIX &&
         getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) == 0 && type == SOCK_STREAM;
}

/// An ssh connection brings what it runs, and on what, itself.
bool asks_for_a_command(const protocol::AttachRequest& wanted) {
  return wanted.command_size() != 0 || wanted.tty() || !wanted.term().empty() ||
         !wanted.lang().empty();
}

/// What the request may bring, whoever asks; the text of an Error is for the caller.
Status check_attach(const protocol::AttachRequest& wanted, const Message& message) {
  if (wanted.ssh() && asks_for_a_command(wanted)) {
    return Error{"an ssh connection says itself what it runs: no command, tty, TERM or LANG"};
  }
  if (!is_plain(wanted.term()) || !is_plain(wanted.lang())) {
    return Error{"TERM or LANG is no plain word"};
  }
  if (!is_local_stream(message.fds.front().get())) {
    return Error{"the stream of an attached terminal must be a local stream socket"};
  }
  return check_command(wanted.command());
}

protocol::SessionAttach to_told(const protocol::AttachRequest& wanted, uint32_t channel) {
  protocol::SessionAttach told;
  told.set_channel(channel);
  if (wanted.ssh()) return told;
  *told.mutable_command() = wanted.command();
  told.set_tty(wanted.tty());
  told.set_columns(wanted.columns());
  told.set_rows(wanted.rows());
  told.set_term(wanted.term());
  told.set_lang(wanted.lang());
  return told;
}

}  // namespace

Reply Monitor::attach(uid_t peer_uid, Message message) {
  const auto request = protocol::parse_message<protocol::AttachRequest>(message);
  if (!request.ok() || message.fds.size() != 1)
    return failure(kUsage, "malformed request to attach");
  const protocol::AttachRequest& wanted = request.value();
  const Status checked = check_attach(wanted, message);
  if (!checked.ok()) return failure(kUsage, checked.error().what);
  uint32_t code = kBroken;
  auto found = find_joinable(peer_uid, {wanted.session(), wanted.task()}, &code);
  if (!found.ok()) return failure(code, to_string(found.error()));
  const Joinable joined = found.take();
  protocol::SshAccess access;
  if (wanted.ssh()) {
    auto made = ssh_access(joined);
    if (!made.ok()) return failure(kBroken, to_string(made.error()));
    access = made.take();
  }
  const uint32_t channel = joined.live->next_channel();
  protocol::SessionAttach told = to_told(wanted, channel);
  if (wanted.ssh()) *told.mutable_ssh() = std::move(access);
  note(peer_uid, std::string(wanted.ssh() ? "attach.ssh" : "attach") +
                     " session=" + joined.row.session + " channel=" + std::to_string(channel) +
                     " person=" + joined.person);
  Reply passed = reply_with(Type::kSessionAttach, told);
  passed.fds.push_back(std::move(message.fds.front()));
  told_.push_back({joined.row.session, std::move(passed)});
  protocol::AttachReply reply;
  reply.set_session(joined.row.session);
  reply.set_task(joined.row.task);
  reply.set_channel(channel);
  return reply_with(Type::kAttachReply, reply);
}

}  // namespace carrel::monitor
