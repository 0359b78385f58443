// The workspace is held while its host has no room for what it writes, and goes on by itself.

#include <utility>

#include "launcher/watch/session/notice.h"
#include "launcher/watch/session/session.h"

namespace carrel::session {

using protocol::Type;

void Session::take_host_space(const protocol::HostSpace& space) {
  host_mark_bytes_ = space.mark_bytes;
  if (space.low && ending_.has_value()) {
    // What was told to end is not given the time to write: it is killed as it stands.
    if (stop_ == Stop::kHangUp) (void)cgroup_.freeze(true).ok();
    return;
  }
  if (ending_.has_value()) return;
  if (space.low && !hold_.has_value()) hold(space);
  if (!space.low && hold_.has_value()) release(space);
}

/// What cannot be held would lose what it writes.
void Session::hold(const protocol::HostSpace& space) {
  const Status asked = cgroup_.freeze(true);
  if (!asked.ok()) return end(ended_by_policy(asked.error()), Stop::kKill);
  hold_ = Hold{space, false};
  time_.pause();
}

/// As with a pause: said and recorded when nothing moves any more.
void Session::check_hold() {
  if (!hold_.has_value() || hold_->frozen || ending_.has_value() || !cgroup_.frozen()) return;
  hold_->frozen = true;
  hold_->since_ns = both_clocks().real_ns;
  record_->add(
      events::Limit{"held", "host_disk", hold_->space.mark_bytes, hold_->space.free_bytes, 0, ""});
  inform(Type::kNotice, held_notice(hold_->space));
}

/// A person's pause outlasts it.
void Session::release(const protocol::HostSpace& space) {
  const bool was_frozen = hold_->frozen;
  hold_.reset();
  if (!let_go_on()) return;
  if (!was_frozen) return;
  record_->add(events::Limit{"released", "host_disk", space.mark_bytes, space.free_bytes, 0, ""});
  inform(Type::kNotice, released_notice(pause_.has_value()));
}

/// Thaws when nobody wants it to stand still any more. False when it could not, and ends.
bool Session::let_go_on() {
  if (pause_.has_value() || hold_.has_value()) return true;
  const Status asked = cgroup_.freeze(false);
  // What can neither go on nor be told so is ended rather than left standing.
  if (!asked.ok()) end(ended_by_policy(asked.error()), Stop::kKill);
  if (asked.ok()) time_.resume(now());
  return asked.ok();
}

}  // namespace carrel::session
