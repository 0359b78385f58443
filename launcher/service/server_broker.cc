// A broker that was lost: the end of a pair that was started on demand; a service starts another.
// And what reads secrets for it, which every launcher starts again.

#include <sys/wait.h>

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

/// How a child has ended, for the log.
std::string words_of(int status) {
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  return "status " + std::to_string(WEXITSTATUS(status));
}

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
  if (!parts_.broker.lost()) return restart_secrets(now_ms);
  if (!parts_.is_service || stopping_ || now_ms < broker_next_ms_) return;
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

/// A carrel-secrets that ended alone; with its broker it ends as it should. Started again at once,
/// after the next ends 1, 2, 4, 8 and then always 16 s later: leases last for minutes.
void Server::note_lost_secrets(int status, uint64_t now_ms) {
  if (now_ms - secrets_since_ms_ >= kHealthyMs) secrets_restarts_ = 0;
  const uint64_t wait = secrets_restarts_ == 0 ? 0 : kSecondMs << (secrets_restarts_ - 1);
  secrets_next_ms_ = now_ms + wait;
  if (secrets_restarts_ < kMaxRestarts - 1) ++secrets_restarts_;
  parts_.log("secrets.lost how=\"" + words_of(status) + "\" again_ms=" + std::to_string(wait));
}

void Server::restart_secrets(uint64_t now_ms) {
  if (stopping_ || parts_.broker.has_secrets() || now_ms < secrets_next_ms_) return;
  secrets_since_ms_ = now_ms;
  const Status started =
      parts_.broker.restart_secrets(parts_.programs.folder, parts_.state, parts_.caller);
  parts_.log(started.ok() ? "secrets.restarted"
                          : "secrets.failed why=" + quoted(to_string(started.error())));
  if (!started.ok()) secrets_next_ms_ = now_ms + (kSecondMs << (kMaxRestarts - 2));
}

}  // namespace carrel::service
