#pragma once
// When to show what was recorded: pure arithmetic on times, and the spelling of them. Nanoseconds.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "profiles/base/result.h"

namespace carrel::replay {

inline constexpr double kMinSpeed = 0.1;
inline constexpr double kMaxSpeed = 1000;

struct Pace {
  double speed = 1;      // session time passed per real time
  uint64_t from_ns = 0;  // shown at once up to here, counted from the session's start
  std::optional<uint64_t> skip_idle_ns;  // longer waits become this long
  bool operator==(const Pace&) const = default;
};

/// "0.1" to "1000", also "2x".
Result<double> parse_speed(std::string_view text);
/// "90s", "1.5s", "250ms", "2m", "1h", or several: "1h2m3s"; "90" are seconds. At most 30 days.
Result<uint64_t> parse_time(std::string_view text);

/// How much session time passes between what is shown now and a step at `at_ns`; `shown_ns` is
/// where the session stands. Never negative: steps that come late are due at once.
uint64_t due_in(const Pace& pace, uint64_t shown_ns, uint64_t at_ns);
/// Session time as real time at this speed, and back; both saturate.
uint64_t to_real(uint64_t session_ns, double speed);
uint64_t to_session(uint64_t real_ns, double speed);
/// Twice, or half, as fast, within the bounds.
double faster(double speed);
double slower(double speed);

/// "1:02:03" of a session's time, for a status line.
std::string clock_text(uint64_t ns);

}  // namespace carrel::replay
