// While a session runs: its gateway, and another one in the place of one that has died.

#include <time.h>

#include <algorithm>
#include <utility>

#include "launcher/service/opener.h"
#include "launcher/service/processes.h"
#include "profiles/base/text.h"

namespace carrel::service {
namespace {

constexpr int kOverMs = 14'000;  // the session waits for 20 s

uint64_t now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1'000'000;
}

}  // namespace

/// How long nothing is to be done for it; -1: until something comes.
int Opener::gateway_patience_ms() const {
  const auto due = gateway_turns_.due_ms();
  if (!due.has_value()) return -1;
  const uint64_t now = now_ms();
  return *due <= now ? 0 : static_cast<int>(*due - now);
}

/// Kills it. One that may be there still is none any more for anybody, but is told of.
bool Opener::drop_gateway(int killed_ms) {
  if (!way_out_.has_value() || way_out_->drop_gateway(killed_ms)) return true;
  tools_.log("gateway.stays session=" + opening_.spec.session() +
             " why=\"it was killed and has not ended, or nobody knows which process it is\"");
  return false;
}

/// Nothing of it serves anybody any more.
void Opener::end_way_out() {
  if (!way_out_.has_value() || way_out_->end()) return;
  tools_.log("gateway.stays session=" + opening_.spec.session() + " why=\"at the session's end\"");
}

/// The session hears one no more that we may hear yet: it is none. Of an older one it is no news.
void Opener::miss_gateway(const protocol::GatewayBack& missed) {
  if (missed.over()) {
    // Without a word from us the session says that it could not be ended.
    if (!drop_gateway(kOverMs)) return;
    protocol::GatewayBack over;
    over.set_over(true);
    return recorder_->tell_gateway(over, UniqueFd());
  }
  const bool serves = way_out_.has_value() && way_out_->control_fd() >= 0;
  if (serves && missed.times() == gateway_turns_.begun()) lose_gateway();
}

/// It says nothing of its own accord: what comes is its end.
void Opener::lose_gateway() {
  tools_.log("gateway.lost session=" + opening_.spec.session());
  (void)drop_gateway(kKilledMs);  // the next one looks again
  gateway_turns_.lost(now_ms());
  if (gateway_turns_.spent()) {
    tell_gateway("it was started again " + std::to_string(gateway_turns_.begun()) +
                 " times in this session");
  }
}

void Opener::tell_gateway(const std::string& why) {
  protocol::GatewayBack back;
  back.set_why(why);
  back.set_times(static_cast<uint32_t>(gateway_turns_.begun()));
  back.set_most(GatewayTurns::kAfterMs.size());
  recorder_->tell_gateway(back, why.empty() ? way_out_->take_session_channel() : UniqueFd());
}

Status Opener::start_gateway_again() {
  ASSIGN_OR_RETURN(const UniqueFd names, open_names());
  const uid_t uid = plan::uid_plan(tools_.facts, opening_.uid_base).gateway_host();
  return way_out_->start_again(tools_.programs.folder, tools_.porter, uid, gateway_config_,
                               names.get());
}

void Opener::mend_gateway() {
  if (!gateway_turns_.is_due(now_ms())) return;
  gateway_turns_.begin();
  const Status started = start_gateway_again();
  const std::string session = " session=" + opening_.spec.session();
  if (started.ok()) {
    tools_.log("gateway.again" + session + " times=" + std::to_string(gateway_turns_.begun()));
    return tell_gateway("");
  }
  const std::string why = to_string(started.error());
  tools_.log("gateway.failed" + session + " why=" + quoted(why));
  (void)drop_gateway(kKilledMs);
  gateway_turns_.lost(now_ms());
  if (gateway_turns_.spent()) tell_gateway(why);
}

}  // namespace carrel::service
