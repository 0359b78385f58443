// A workspace that has ended is erased, when somebody who may asks for it.

#include <sys/socket.h>

#include <utility>

#include "launcher/service/server.h"
#include "profiles/base/text.h"

namespace carrel::service {

using protocol::Message;
using protocol::Type;

namespace {

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
void Server::end_workspace(protocol::Connection client, const Message& message) {
  const auto request = protocol::parse_message<protocol::EndWorkspaceRequest>(message);
  ucred peer{};
  socklen_t size = sizeof peer;
  const bool known = getsockopt(client.fd(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
  if (!request.ok() || !known || !message.fds.empty()) {
    return tell_end(client, false, "the launcher does not understand this request");
  }
  const auto granted = parts_.broker.confirm_end(request.value().ticket(), peer.uid);
  if (!granted.ok()) return tell_end(client, false, to_string(granted.error()));
  const std::string& workspace = granted.value().workspace();
  if (const Live* live = find_live(workspace)) {
    return tell_end(client, false, "session " + live->session + " is still being cleaned up there");
  }
  // Nothing is claimed that was not done: the broker hears workspace_erased() once it is.
  parts_.log("workspace.kept workspace=" + quoted(workspace) + " why=not-supported-yet");
  tell_end(client, false, "erasing a workspace is not supported yet: it is kept");
}

}  // namespace carrel::service
