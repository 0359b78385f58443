// Sessions whose work lies in images are held while the host has no room for what they write.

#include <string>

#include "broker/wire/protocol/host_space.h"
#include "launcher/service/server.h"
#include "profiles/base/text.h"

namespace carrel::service {

/// Looks when it is time to, and tells every opening what it has not heard yet.
void Server::watch_host(uint64_t now_ms) {
  if (!host_.is_on() || parts_.facts.storage.kind != plan::StorageKind::kImage) return;
  if (live_.empty() && lingering_.empty()) {
    host_.rest();
    return;
  }
  if (now_ms >= host_again_ms_) {
    const bool before = host_.low();
    const Result<HostRoom> room = look_at_host(parts_.state.directory.get());
    if (room.ok()) {
      host_.take(room.value());
    } else if (!host_failed_) {
      parts_.log("host.failed why=" + quoted(to_string(room.error())));
    }
    host_failed_ = !room.ok();
    host_again_ms_ = now_ms + host_.look_again_ms();
    if (before != host_.low()) {
      parts_.log(std::string(host_.low() ? "host.low" : "host.room") +
                 " left=" + std::to_string(host_.left_bytes()) + " mark=" +
                 std::to_string(host_.mark_bytes()) + " sessions=" + std::to_string(live_.size()));
    }
  }
  for (Live& live : live_)
    tell_host_space(live);
}

/// Why nothing that writes is opened now: it would be held at once.
std::optional<std::string> Server::why_no_room() const {
  if (!host_.low()) return std::nullopt;
  return "the sessions of this host are held, since its disk has " +
         std::to_string(host_.left_bytes() >> 20) + " MiB left to write into and " +
         std::to_string(host_.release_bytes() >> 20) + " MiB must be: make room there";
}

/// Each is told how it stands, and then only of changes: an opening that does not read yet is not
/// flooded.
void Server::tell_host_space(Live& live) {
  // Before it has started it waits for another answer on this channel.
  if (!live.started || live.told_low == host_.low() || !live.channel.valid()) return;
  live.told_low = host_.low();
  const protocol::HostSpace space{host_.low(), host_.left_bytes(),
                                  host_.low() ? host_.mark_bytes() : host_.release_bytes()};
  // A dead opening is reaped anyway.
  (void)live.channel.send(protocol::Type::kHostSpace, protocol::format_host_space(space)).ok();
}

}  // namespace carrel::service
