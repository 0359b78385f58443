// A workspace that has ended is erased, when somebody who may asks for it.

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "launcher/service/disks.h"
#include "launcher/service/server.h"
#include "profiles/base/text.h"

namespace carrel::service {

using protocol::Message;
using protocol::Type;

namespace {

constexpr uint64_t kCleanedUpMs = 20'000;

void tell_end(protocol::Connection& client, bool erased, const std::string& text) {
  protocol::EndWorkspaceReply reply;
  reply.set_erased(erased);
  reply.set_text(text);
  // Whoever does not listen any more needs no answer.
  (void)protocol::send_message(client, Type::kEndWorkspaceReply, reply).ok();
}

}  // namespace

/// The broker vouches that the task has ended and nothing runs there; that no opening is being
/// cleaned up is known here alone.
void Server::end_workspace(protocol::Connection client, const Message& message, uint64_t now_ms) {
  const auto request = protocol::parse_message<protocol::EndWorkspaceRequest>(message);
  ucred peer{};
  socklen_t size = sizeof peer;
  bool known = getsockopt(client.fd(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
  if (known && parts_.caller.has_value()) {
    known = peer.uid == 0;  // an ordinary user's own namespace: nobody else is served
    peer.uid = *parts_.caller;
  }
  if (!request.ok() || !known || !message.fds.empty()) {
    return tell_end(client, false, "the launcher does not understand this request");
  }
  const auto granted = parts_.broker.confirm_end(request.value().ticket(), peer.uid);
  if (!granted.ok()) return tell_end(client, false, to_string(granted.error()));
  ending_.push_back({std::move(client), granted.value().workspace(), now_ms + kCleanedUpMs});
  serve_ending(now_ms);
}

/// The end of a task closes its sessions: what is left of them is cleaned up in a moment.
void Server::serve_ending(uint64_t now_ms) {
  for (auto next = ending_.begin(); next != ending_.end();) {
    const Live* live = find_live(next->workspace);
    const bool in_use = live != nullptr || is_being_written(next->workspace);
    if (in_use && now_ms < next->deadline_ms && !stopping_) {
      ++next;
      continue;
    }
    Ending ending = std::move(*next);
    next = ending_.erase(next);
    if (live != nullptr) {
      tell_end(ending.client, false,
               "session " + live->session + " is still being cleaned up there");
    } else {
      erase(ending.client, ending.workspace);
    }
  }
}

void Server::erase(protocol::Connection& client, const std::string& workspace) {
  const Result<std::string> how = erase_and_record(workspace);
  tell_end(client, how.ok(), how.ok() ? how.value() : to_string(how.error()));
}

}  // namespace carrel::service
