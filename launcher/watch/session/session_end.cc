// The way to a session's end: how it is stopped, and what is done when nothing of it runs any more.

#include <poll.h>
#include <signal.h>

#include <array>
#include <utility>

#include "launcher/watch/session/session.h"

namespace carrel::session {
namespace {

constexpr uint64_t kHangUpNs = 10 * kNsPerS;
constexpr uint64_t kFreezeNs = 2 * kNsPerS;
constexpr uint64_t kEmptyNs = 10 * kNsPerS;
/// Without a record there is nothing to wait for: five seconds from first to last.
constexpr uint64_t kEmptyUnrecordedNs = 3 * kNsPerS;
/// A pager at the other end of a pipe reads when its person turns the page; what it has not read
/// when the command ends is at most a mebibyte.
constexpr uint64_t kClientReadsNs = 600 * kNsPerS;
constexpr uint64_t kClientReadsUnrecordedNs = 1 * kNsPerS;
/// How often the launcher is heard meanwhile.
constexpr int kTurnMs = 500;

}  // namespace

/// The first ending is the session's; a later one can only make it quicker.
void Session::end(Ending ending, Stop how) {
  if (!ending_.has_value()) ending_ = std::move(ending);
  if (how == Stop::kHangUp && gate_opened_ns_.has_value()) {
    if (stop_ != Stop::kNo) return;
    init_.signal(SIGHUP);
    channels_.hang_up(*ending_);
    stop_ = Stop::kHangUp;
    stop_deadline_ns_ = now() + kHangUpNs;
  } else if (how == Stop::kFreeze && cgroup_.freeze(true).ok()) {
    if (stop_ == Stop::kKill || stop_ == Stop::kFreeze) return;
    stop_ = Stop::kFreeze;
    stop_deadline_ns_ = now() + kFreezeNs;
  } else if (stop_ != Stop::kKill) {
    kill();
  }
}

void Session::kill() {
  inside_.close();
  ssh_.take_no_more();
  if (record_->failed()) ssh_.kill();  // what is not recorded does not go on
  input_.gate.reset();
  limits_.end_by_session(now());
  const Status killed = cgroup_.ends_by_init() ? Status(Done{}) : cgroup_.kill();
  if (!killed.ok()) {
    ending_->error += (ending_->error.empty() ? "" : "; ") + to_string(killed.error());
  }
  // carrel-init ends without us, and the kernel ends the rest with it.
  if (!killed.ok() || cgroup_.ends_by_init()) init_.close();
  stop_ = Stop::kKill;
  stop_deadline_ns_ = now() + (record_->failed() ? kEmptyUnrecordedNs : kEmptyNs);
}

void Session::check_stop() {
  if (stop_ == Stop::kHangUp && now() >= stop_deadline_ns_) kill();
  if (stop_ == Stop::kFreeze && (cgroup_.frozen() || now() >= stop_deadline_ns_)) kill();
  if (stop_ == Stop::kKill) empty_ = !cgroup_.populated();
}

bool Session::watches_cgroup() const {
  const bool waits_to_stand =
      (pause_.has_value() && !pause_->frozen) || (hold_.has_value() && !hold_->frozen);
  return stop_ == Stop::kKill || stop_ == Stop::kFreeze || waits_to_stand;
}

bool Session::over() const {
  return stop_ == Stop::kKill && (empty_ || now() >= stop_deadline_ns_);
}

void Session::finish() {
  Closing closing({*record_, feed_, judge_, output_, leases_, limits_, clock_.mono_ns,
                   input_.repositories, difference_,
                   hold_.has_value() ? UINT64_MAX : host_mark_bytes_});
  channels_.finish(*ending_);
  std::string left = end_ssh();
  const std::string gateway_left = end_gateway();
  if (!left.empty() && !gateway_left.empty()) left += "; ";
  left += gateway_left;
  const protocol::Finished finished =
      closing.close(*ending_, {empty_, gate_opened_ns_.has_value(), left});
  serve_answers();  // who asked to attach meanwhile is told that it is over
  let_client_read();
  // A launcher that has gone cannot be told; the record says the same.
  if (!launcher_.send(protocol::Type::kFinished, finished.SerializeAsString()).ok())
    launcher_.close();
}

/// Nothing of the workspace is alive and the record is closed: waiting costs no one anything. The
/// launcher can cut it short as it can a session.
void Session::let_client_read() {
  const uint64_t until = now() + (record_->failed() ? kClientReadsUnrecordedNs : kClientReadsNs);
  while ((client_.wants_write() || !channels_.flushed()) && now() < until && launcher_open_ &&
         !launcher_ends_) {
    std::array<pollfd, 2> polls{pollfd{client_.wants_write() ? client_.fd() : -1, POLLOUT, 0},
                                pollfd{launcher_.fd(), POLLIN, 0}};
    poll(polls.data(), polls.size(), kTurnMs);
    if (polls[0].revents != 0) client_.flush();
    if (polls[1].revents != 0) serve_launcher();
  }
}

}  // namespace carrel::session
