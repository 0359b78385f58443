#pragma once
// Looks at the limits of the workspace once a second, and puts what was reached into the record and
// onto the contractor's screen.

#include <functional>
#include <string>

#include "launcher/watch/sensor/reader.h"
#include "launcher/watch/session/clock.h"
#include "launcher/watch/session/limit_files.h"
#include "launcher/watch/session/limit_lines.h"
#include "launcher/watch/session/limit_watch.h"
#include "launcher/watch/session/record_link.h"

namespace carrel::session {

class LimitKeeper {
 public:
  static constexpr uint64_t kLookNs = kNsPerS;

  /// References outlive this. `say` shows one line to the contractor.
  LimitKeeper(LimitWatch watch, LimitLines lines, LimitFiles files, RecordLink& record,
              std::function<void(std::string)> say)
      : watch_(std::move(watch)),
        lines_(std::move(lines)),
        files_(std::move(files)),
        record_(record),
        say_(std::move(say)) {}

  /// Every event of the sensor, in order.
  void see(const events::Event& event) { watch_.see(event); }
  /// Every call that failed at a limit and is no event.
  void see(const sensor::Observation& seen) {
    watch_.see_refusal(seen.error, seen.raw.has_value() ? seen.raw->device : 0, seen.process.exe,
                       seen.mono_ns);
  }
  /// The session ends everything now.
  void end_by_session(uint64_t now_ns) { watch_.end_by_session(now_ns); }
  /// Looks when it is time to.
  void tick(uint64_t now_ns);
  /// The last look: nothing of the workspace runs any more, and the sensor has said all.
  void finish(uint64_t now_ns);

  /// What is enforced, and how much of it is used now.
  [[nodiscard]] const LimitWatch& watch() const { return watch_; }
  [[nodiscard]] LimitReading reading() const { return files_.read(); }

 private:
  void tell(const std::vector<events::Limit>& due, uint64_t now_ns);

  LimitWatch watch_;
  LimitLines lines_;
  LimitFiles files_;
  RecordLink& record_;
  std::function<void(std::string)> say_;
  uint64_t looked_ns_ = 0;
};

}  // namespace carrel::session
