// A further terminal at a running session: the person's own, and only theirs.

#include <sys/socket.h>

#include <algorithm>

#include "broker/service/monitor/monitor.h"
#include "broker/service/monitor/opening.h"
#include "broker/service/monitor/rows.h"
#include "broker/service/people/standalone.h"
#include "profiles/base/text.h"

namespace carrel::monitor {
namespace {

using people::Action;
using protocol::Message;
using protocol::Type;

// Exit codes of interfaces.md 1.
constexpr uint32_t kUsage = 120;
constexpr uint32_t kNotGranted = 121;
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

/// Why nobody can attach to it now; "" where they can.
std::string why_not(const store::SessionRow& row, const protocol::SessionState* state) {
  if (state == nullptr || state->ending()) return "session " + row.session + " is ending";
  if (state->paused()) {
    return "session " + row.session + " is paused by " + state->paused_by() +
           ": nothing runs in it until " + "somebody who may says `carrel resume " + row.session +
           "`";
  }
  return "";
}

}  // namespace

Reply Monitor::attach(uid_t peer_uid, Message message) {
  const auto request = protocol::parse_message<protocol::AttachRequest>(message);
  if (!request.ok() || message.fds.size() != 1)
    return failure(kUsage, "malformed request to attach");
  const protocol::AttachRequest& wanted = request.value();
  if (!is_plain(wanted.term()) || !is_plain(wanted.lang())) {
    return failure(kUsage, "TERM or LANG is no plain word");
  }
  if (!is_local_stream(message.fds.front().get())) {
    return failure(kUsage, "the stream of an attached terminal must be a local stream socket");
  }
  const Status command = check_command(wanted.command());
  if (!command.ok()) return failure(kUsage, command.error().what);
  const auto actor = people::load_actor(parts_.catalogue, peer_uid);
  if (!actor.ok()) return failure(kBroken, to_string(actor.error()));
  auto rows = visible_rows(actor.value());
  if (!rows.ok()) return failure(kBroken, to_string(rows.error()));
  std::vector<store::SessionRow> running = rows.take();
  std::erase_if(running, [](const store::SessionRow& row) {
    return row.state != store::SessionState::kRunning;
  });
  // "last" is the last that is theirs to join; of another's they hear that it is not.
  if (wanted.session() == "last") {
    std::erase_if(running, [&actor](const store::SessionRow& row) {
      const auto subject = people::local_subject(row.person);
      return !people::may(actor.value(), Action::kOpen, subject).allowed;
    });
  }
  const auto row = find_row(running, wanted.session());
  if (!row.ok()) return failure(kNotGranted, row.error().what + " runs");
  const auto decision =
      people::may(actor.value(), Action::kOpen, people::local_subject(row.value().person));
  if (!decision.allowed) return failure(kNotGranted, decision.reason);
  const std::string& session = row.value().session;
  const std::string why = why_not(row.value(), live_state(session));
  if (!why.empty()) return failure(kNotGranted, why);
  const uint32_t channel = live_.find(session)->second->next_channel();
  protocol::SessionAttach told;
  told.set_channel(channel);
  *told.mutable_command() = wanted.command();
  told.set_tty(wanted.tty());
  told.set_columns(wanted.columns());
  told.set_rows(wanted.rows());
  told.set_term(wanted.term());
  told.set_lang(wanted.lang());
  note(peer_uid, "attach session=" + session + " channel=" + std::to_string(channel) +
                     " person=" + actor.value().person->id);
  Reply passed = reply_with(Type::kSessionAttach, told);
  passed.fds.push_back(std::move(message.fds.front()));
  told_.push_back({session, std::move(passed)});
  protocol::AttachReply reply;
  reply.set_session(session);
  reply.set_task(row.value().task);
  reply.set_channel(channel);
  return reply_with(Type::kAttachReply, reply);
}

}  // namespace carrel::monitor
