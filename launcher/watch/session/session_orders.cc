// What people ask of a running session, its limits in time, and what the broker is told of it.

#include <utility>

#include "launcher/watch/session/notice.h"
#include "launcher/watch/session/session.h"
#include "profiles/base/text.h"

namespace carrel::session {
namespace {

using protocol::Type;

/// Input alone is told after this long: `carrel status` need not be more exact.
constexpr uint64_t kToldAgainNs = 5 * kNsPerS;

}  // namespace

/// The broker has decided that the person may; what makes no sense any more is passed over.
void Session::take_order(const protocol::SessionOrder& order) {
  if (ending_.has_value()) return;
  events::PolicyOrder act;
  act.person = order.person();
  act.reason = order.reason();
  if (order.order() == "close") {
    act.action = "closed";
    close(act, order.now());
  } else if (order.order() == "pause" && gate_opened_ns_.has_value() && !pause_.has_value()) {
    act.action = "paused";
    pause(act);
  } else if (order.order() == "resume" && pause_.has_value()) {
    act.action = "resumed";
    resume(act);
  }
}

/// Programs that stand still cannot hear that they are to end.
void Session::close(const events::PolicyOrder& order, bool now) {
  record_->add(order);
  inform(Type::kNotice, order_notice(order));
  end(ended_by_order(order.person, order.reason),
      now || pause_.has_value() || hold_.has_value() ? Stop::kKill : Stop::kHangUp);
}

void Session::pause(const events::PolicyOrder& order) {
  const Status asked = cgroup_.freeze(true);
  if (!asked.ok()) {
    inform(Type::kNotice, "carrel: could not pause: " + to_string(asked.error()) + "\n");
    return;
  }
  pause_ = Pause{order, clock_.real_ns(), false};
  time_.pause();
}

/// Said and recorded when the kernel says that nothing moves any more, not when it was asked.
void Session::check_pause() {
  if (!pause_.has_value() || pause_->frozen || ending_.has_value() || !cgroup_.frozen()) return;
  pause_->frozen = true;
  record_->add(pause_->order);
  inform(Type::kNotice, order_notice(pause_->order));
}

void Session::resume(const events::PolicyOrder& order) {
  const bool was_frozen = pause_->frozen;
  pause_.reset();
  if (!let_go_on() || !was_frozen) return;
  record_->add(order);
  inform(Type::kNotice, order_notice(order));
  if (hold_.has_value() && hold_->frozen) inform(Type::kNotice, held_notice(hold_->space));
}

void Session::check_time() {
  if (const auto warning = time_.warning(both_clocks())) {
    record_->add(events::PolicyTime{"warned", warning->limit, warning->left_s});
    inform(Type::kNotice, time_notice(*warning));
  }
  const auto over = time_.over(both_clocks());
  if (!over.has_value()) return;
  record_->add(events::PolicyTime{"over", over->limit, 0});
  end(ended_by_time(over->limit, over->words), Stop::kFreeze);
}

protocol::SessionState Session::state() const {
  protocol::SessionState state;
  state.set_started(gate_opened_ns_.has_value());
  state.set_ending(ending_.has_value());
  state.set_can_pause(cgroup_.can_freeze());
  state.set_channels(static_cast<uint32_t>(others()));
  state.set_ssh(static_cast<uint32_t>(ssh_.count()));
  if (pause_.has_value() && pause_->frozen) {
    state.set_paused(true);
    state.set_paused_by(pause_->order.person);
    state.set_pause_reason(pause_->order.reason);
    state.set_paused_ns(pause_->since_ns);
  }
  if (hold_.has_value() && hold_->frozen) {
    state.set_held(true);
    state.set_held_ns(hold_->since_ns);
    state.set_host_free_bytes(hold_->space.free_bytes);
    state.set_host_mark_bytes(hold_->space.mark_bytes);
  }
  for (const protocol::AssuranceItem& item : input_.config.assurance()) {
    if (!item.given()) state.add_missing(item.id());
  }
  const TimeRules::Now now = both_clocks();
  state.set_last_input_ns(now.real_ns - (now.mono_ns - time_.typed_ns()));
  for (const TimeRules::Left& left : time_.ends(now)) {
    protocol::TimeEnd* end = state.add_ends();
    end->set_limit(left.limit);
    // To the second: the two clocks are not read at the same moment.
    end->set_ends_ns((now.real_ns + left.left_ns) / kNsPerS * kNsPerS);
  }
  return state;
}

/// What changes by itself with every look is not in it; what input changes is told with patience.
void Session::tell_state() {
  if (!gate_opened_ns_.has_value() || record_->failed()) return;
  const std::string key = std::to_string(int{ending_.has_value()}) +
                          std::to_string(int{pause_.has_value() && pause_->frozen}) +
                          std::to_string(int{hold_.has_value() && hold_->frozen}) +
                          std::to_string(others()) + "/" + std::to_string(ssh_.count());
  const bool changed = told_state_ns_ == 0 || key != told_state_;
  const bool typed = time_.typed_ns() > told_state_ns_ && now() >= told_state_ns_ + kToldAgainNs;
  if (!changed && !typed) return;
  told_state_ = key;
  told_state_ns_ = now();
  record_->send(Type::kSessionState, state().SerializeAsString());
}

}  // namespace carrel::session
