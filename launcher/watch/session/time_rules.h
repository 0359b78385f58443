#pragma once
// When a session ends by time, and when its person is warned. Pure; monotonic nanoseconds, and the
// clock of the day where a rule names a moment.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace carrel::session {

/// One end in time.
struct TimeBound {
  std::string limit;      // "max_duration" | "hours" | "task"
  std::string words;      // how its rule says it: "8h"
  uint64_t after_s = 0;   // seconds from the start; 0: it has a moment instead
  uint64_t until_ns = 0;  // a moment, since 1970
};

class TimeRules {
 public:
  struct Now {
    uint64_t mono_ns = 0;
    uint64_t real_ns = 0;
  };
  /// Seconds left, of the bound that comes first, or of the patience with a person who types
  /// nothing.
  struct Left {
    std::string limit, words;
    uint64_t left_ns = 0;
  };

  /// `idle_s` 0: nobody has to type.
  TimeRules(std::vector<TimeBound> bounds, uint64_t idle_s);

  /// The command begins to run. A moment is watched by both clocks from here on: the day's may be
  /// set, and the monotonic one stands still while the host sleeps; whichever is first ends it.
  void start(Now now);
  /// A byte came from the person.
  void typed(uint64_t mono_ns) { typed_ns_ = mono_ns; }
  /// Nobody can work: idleness is not counted. Everything else goes on.
  void pause() { paused_ = true; }
  void resume(uint64_t mono_ns);

  /// A warning that has become due, once: 10 and 1 minutes before the end, 1 minute before
  /// idleness ends it. Such as there is no room for are not given.
  struct Warning {
    std::string limit;
    uint64_t left_s = 0;
    bool operator==(const Warning&) const = default;
  };
  std::optional<Warning> warning(Now now);
  /// What is over.
  [[nodiscard]] std::optional<Left> over(Now now) const;
  /// When one of the two has something to say next, on the monotonic clock.
  [[nodiscard]] std::optional<uint64_t> next_ns(Now now) const;
  /// Every end as it stands, idleness too.
  [[nodiscard]] std::vector<Left> ends(Now now) const;
  [[nodiscard]] uint64_t typed_ns() const { return typed_ns_; }

 private:
  struct Running {
    TimeBound bound;
    uint64_t end_mono_ns = 0;
  };
  [[nodiscard]] static uint64_t left_of(const Running& running, Now now);
  [[nodiscard]] std::optional<Left> first(Now now) const;
  [[nodiscard]] std::optional<uint64_t> idle_left_ns(uint64_t mono_ns) const;
  [[nodiscard]] bool idle_warning_due(uint64_t left_ns) const;

  std::vector<TimeBound> bounds_;
  uint64_t idle_s_;
  std::vector<Running> running_;
  bool started_ = false, paused_ = false;
  uint64_t next_warning_s_ = 0;  // seconds before the first end; 0: none left
  uint64_t typed_ns_ = 0;
  std::optional<uint64_t> idle_warned_for_;  // the value of typed_ns_ that was warned of
};

}  // namespace carrel::session
