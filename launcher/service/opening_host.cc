// While a session runs: what the server says of the host's room goes on to it.

#include "broker/wire/protocol/host_space.h"
#include "launcher/service/opener.h"

namespace carrel::service {

/// False when the server will say no more.
bool Opener::pass_on_host_space() {
  const Result<bool> open = opening_.server.fill();
  while (true) {
    const Result<std::optional<protocol::Message>> message = opening_.server.next();
    if (!message.ok()) return false;
    if (!message.value().has_value()) break;
    const auto space = protocol::parse_host_space(message.value()->body);
    if (message.value()->type != protocol::Type::kHostSpace || !space.ok()) return false;
    // A plain folder fills the host as every other program does, and loses nothing that it has.
    if (uses_image()) recorder_->tell_host_space(space.value());
  }
  return open.ok() && open.value();
}

}  // namespace carrel::service
