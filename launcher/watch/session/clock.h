#pragma once
// The two clocks a session reads, passed in so that tests give their own.

#include <time.h>

#include <cstdint>
#include <functional>

namespace carrel::session {

inline constexpr uint64_t kNsPerMs = 1'000'000;
inline constexpr uint64_t kNsPerS = 1'000'000'000;

struct Clock {
  /// CLOCK_MONOTONIC, in nanoseconds: every limit and every event's place in time.
  std::function<uint64_t()> mono_ns;
  /// Nanoseconds since 1970 UTC: what events claim, and what leases are dated by.
  std::function<uint64_t()> real_ns;
};

inline uint64_t read_clock(clockid_t which) {
  timespec now{};
  clock_gettime(which, &now);
  return static_cast<uint64_t>(now.tv_sec) * kNsPerS + static_cast<uint64_t>(now.tv_nsec);
}

/// The host's clocks.
inline Clock system_clock() {
  return {[] { return read_clock(CLOCK_MONOTONIC); }, [] { return read_clock(CLOCK_REALTIME); }};
}

}  // namespace carrel::session
