// The session and the workspace's way out.

#include <poll.h>

#include <utility>

#include "launcher/watch/session/session.h"

namespace carrel::session {
namespace {

constexpr uint64_t kLastWordsNs = 5 * kNsPerS;

}  // namespace

void Session::serve_gateway() {
  for (NetworkEvent& told : gateway_.receive(now())) {
    if (const auto* query = std::get_if<events::DnsQuery>(&told.event.data)) {
      judge_.learn(query->address, query->name);
    }
    say(told.event);
    record_->add(std::move(told.event));
  }
  if (!gateway_.lost()) return;
  record_->add(events::NetAnomaly{"gateway-lost", "", "nothing can be reached any more"});
  inform(protocol::Type::kNotice,
         "carrel: the gateway has ended: nothing outside can be reached until the next session.\n");
}

/// Nothing of the workspace runs any more: its connections are cut, and their ends recorded.
void Session::end_gateway() {
  gateway_.end();
  const uint64_t until = now() + kLastWordsNs;
  while (!gateway_.ended() && now() < until && !record_->failed()) {
    pollfd wait{gateway_.fd(), POLLIN, 0};
    poll(&wait, 1, static_cast<int>(kNsPerS / kNsPerMs / 10));
    serve_gateway();
    record_->pump();
  }
}

}  // namespace carrel::session
