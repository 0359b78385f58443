#pragma once
// carrel-notify as the opening sees it: a process of its own between the workspace's filter and the
// session, started before either.

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::service {

class Notifier {
 public:
  static Result<Notifier> start(const std::string& program);

  /// For carrel-init: takes the filter's listener.
  [[nodiscard]] int listener_fd() const { return listener_.get(); }
  /// For the session: the sensor's records, and its counters.
  [[nodiscard]] int records_fd() const { return records_.get(); }
  [[nodiscard]] int counters_fd() const { return counters_.get(); }
  /// The opening's end of the socket that brings carrel-notify the listeners of ssh servers; kept
  /// open for the whole session and let go by nobody: it keeps neither carrel-notify nor the
  /// workspace going. Messages: notify_main.h.
  [[nodiscard]] int channels_fd() const { return channels_.get(); }
  /// Hands the listener of a channel's server (borrowed; a filter that notifies connect(2) only) to
  /// carrel-notify. From then on the server's connections wait for it and are recorded; once the
  /// workspace has ended they fail with ENOSYS.
  Status watch_channel(uint32_t channel, int listener_fd) const;
  /// Once they have been handed on: what we held would hide the end of the other side.
  void let_go_of_listener() { listener_.reset(); }
  void let_go_of_records();
  /// Waits for its end, which follows that of the workspace, at most `timeout_ms`; then kills it.
  void reap(int timeout_ms);

 private:
  UniqueFd listener_, records_, counters_, channels_;
  pid_t pid_ = -1;
};

}  // namespace carrel::service
