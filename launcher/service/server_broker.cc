// A broker that was lost: the end of a pair that was started on demand; a service starts another.

#include <algorithm>
#include <cerrno>
#include <string>

#include "launcher/service/server.h"
#include "profiles/base/text.h"

namespace carrel::service {
namespace {

constexpr uint64_t kSecondMs = 1000;
constexpr uint32_t kMaxRestarts = 6;             // 0, 1, 2, 4, 8 and 16 s apart
constexpr uint64_t kHealthyMs = 60 * kSecondMs;  // after which the count begins anew

}  // namespace

/// In a service the sockets stay: who connects meanwhile is answered by the next broker. Its
/// sessions cannot keep their records any more and end by themselves.
void Server::notice_lost_broker(uint64_t now_ms) {
  if (!parts_.broker.lost() || broker_noticed_) return;
  broker_noticed_ = true;
  parts_.log("broker.lost sessions=" + std::to_string(live_.size()));
  if (!parts_.is_service) {
    remove_sockets(parts_.state);  // the next `carrel open` starts a new pair
    return;
  }
  if (now_ms - broker_since_ms_ >= kHealthyMs) broker_restarts_ = 0;
  plan_restart(now_ms);
}

void Server::plan_restart(uint64_t now_ms) {
  const uint64_t wait = broker_restarts_ == 0 ? 0 : kSecondMs << (broker_restarts_ - 1);
  broker_next_ms_ = now_ms + wait;
}

/// Blocks until the new one is ready, as the first start does: nothing can be granted before.
void Server::restart_broker(uint64_t now_ms) {
  if (!parts_.is_service || !parts_.broker.lost() || stopping_ || now_ms < broker_next_ms_) return;
  if (broker_restarts_ >= kMaxRestarts) {
    failed_ = "the broker ended " + std::to_string(broker_restarts_ + 1) +
              " times without running for a minute: see run/broker.log in the state folder";
    return stop();
  }
  ++broker_restarts_;
  parts_.broker.give_up();
  Result<BrokerLink> started =
      BrokerLink::start(parts_.programs.folder, parts_.state, parts_.caller);
  if (!started.ok()) {
    parts_.log("broker.failed try=" + std::to_string(broker_restarts_) +
               " why=" + quoted(to_string(started.error())));
    return plan_restart(now_ms);
  }
  parts_.broker = started.take();
  broker_noticed_ = false;
  broker_since_ms_ = now_ms;
  parts_.log("broker.restarted try=" + std::to_string(broker_restarts_));
}

}  // namespace carrel::service
