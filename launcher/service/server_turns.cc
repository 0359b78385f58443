// A workspace is opened by one at a time.

#include <algorithm>
#include <utility>

#include "launcher/service/server.h"

namespace carrel::service {
namespace {

/// How long an opening waits for the end of the one before it at its workspace.
constexpr uint64_t kTurnMs = 10'000;
constexpr int kNotGranted = 121;
constexpr int kSetupFailed = 123;

void refuse(protocol::Connection& client, int code, const std::string& text, bool again = false) {
  protocol::Ended ended = setup_failure(code, text);
  ended.set_again(again);
  // Whoever does not listen any more needs no answer.
  (void)protocol::send_message(client, protocol::Type::kEnded, ended).ok();
}

}  // namespace

const Server::Live* Server::find_live(const std::string& workspace) const {
  const auto found = std::find_if(live_.begin(), live_.end(), [&workspace](const Live& each) {
    return each.workspace == workspace;
  });
  return found == live_.end() ? nullptr : &*found;
}

void Server::take_turn(Granted granted, uint64_t now_ms) {
  granted.deadline_ms = now_ms + kTurnMs;
  const Live* before = find_live(granted.spec.workspace());
  if (before == nullptr) return launch(std::move(granted));
  granted.beside_opening = !before->started;
  waiting_.push_back(std::move(granted));
}

/// An opening waits until the one before it, which has ended or is about to, is cleaned up: the
/// broker lets nobody get here beside a running session. Of two openings at once the second is sent
/// back to the broker when the first has begun: it can attach.
void Server::serve_waiting(uint64_t now_ms) {
  for (auto next = waiting_.begin(); next != waiting_.end();) {
    if (has_left(next->client)) {
      (void)protocol::send_message(next->client, protocol::Type::kEnded, ended_by_person()).ok();
      next = waiting_.erase(next);
      continue;
    }
    const Live* before = find_live(next->spec.workspace());
    const bool begun = before != nullptr && next->beside_opening && before->started;
    if (before != nullptr && !begun && now_ms < next->deadline_ms && !stopping_) {
      ++next;
      continue;
    }
    Granted granted = std::move(*next);
    next = waiting_.erase(next);
    if (stopping_) {
      refuse(granted.client, kSetupFailed, "the launcher is ending");
    } else if (before != nullptr) {
      refuse(granted.client, kNotGranted,
             "session " + before->session +
                 " is at this workspace still: whoever reads its output may hold it; open it again",
             true);
    } else {
      launch(std::move(granted));
    }
  }
}

}  // namespace carrel::service
