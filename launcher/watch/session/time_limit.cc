#include "launcher/watch/session/time_limit.h"

#include <limits>

#include "launcher/watch/session/clock.h"

namespace carrel::session {
namespace {

constexpr uint64_t kFirstWarningS = 600;
constexpr uint64_t kLastWarningS = 60;

}  // namespace

void TimeLimit::start(uint64_t now_ns) {
  started_ns_ = now_ns;
  if (max_s_ > kFirstWarningS) {
    next_warning_s_ = kFirstWarningS;
  } else if (max_s_ > kLastWarningS) {
    next_warning_s_ = kLastWarningS;
  }
}

/// Nothing also for a limit that no clock reaches.
std::optional<uint64_t> TimeLimit::end_ns() const {
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max() / kNsPerS / 2;
  if (max_s_ == 0 || max_s_ > kMost || !started_ns_.has_value()) return std::nullopt;
  return *started_ns_ + max_s_ * kNsPerS;
}

std::optional<uint64_t> TimeLimit::warning(uint64_t now_ns) {
  const auto end = end_ns();
  if (!end.has_value() || next_warning_s_ == 0) return std::nullopt;
  if (now_ns < *end - next_warning_s_ * kNsPerS) return std::nullopt;
  const uint64_t left_s = next_warning_s_;
  next_warning_s_ = left_s == kFirstWarningS ? kLastWarningS : 0;
  return left_s;
}

bool TimeLimit::over(uint64_t now_ns) const {
  const auto end = end_ns();
  return end.has_value() && now_ns >= *end;
}

std::optional<uint64_t> TimeLimit::next_ns() const {
  const auto end = end_ns();
  if (!end.has_value()) return std::nullopt;
  return *end - next_warning_s_ * kNsPerS;
}

}  // namespace carrel::session
