#include "launcher/watch/session/time_rules.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "launcher/watch/session/clock.h"
#include "profiles/model/words.h"

namespace carrel::session {
namespace {

constexpr uint64_t kFirstWarningS = 600;
constexpr uint64_t kLastWarningS = 60;
/// Seconds that no clock reaches count as no limit.
constexpr uint64_t kMostS = std::numeric_limits<uint64_t>::max() / kNsPerS / 4;

uint64_t minus(uint64_t a, uint64_t b) {
  return a > b ? a - b : 0;
}

}  // namespace

TimeRules::TimeRules(std::vector<TimeBound> bounds, uint64_t idle_s)
    : bounds_(std::move(bounds)), idle_s_(idle_s > kMostS ? 0 : idle_s) {
  std::erase_if(bounds_, [](const TimeBound& bound) {
    return bound.after_s > kMostS || (bound.after_s == 0 && bound.until_ns == 0);
  });
}

void TimeRules::start(Now now) {
  started_ = true;
  typed_ns_ = now.mono_ns;
  running_.clear();
  for (const TimeBound& bound : bounds_) {
    const uint64_t left_ns =
        bound.after_s != 0 ? bound.after_s * kNsPerS : minus(bound.until_ns, now.real_ns);
    running_.push_back({bound, now.mono_ns + std::min(left_ns, kMostS * kNsPerS)});
  }
  const std::optional<Left> left = first(now);
  next_warning_s_ = 0;
  if (!left.has_value()) return;
  if (left->left_ns > kFirstWarningS * kNsPerS) {
    next_warning_s_ = kFirstWarningS;
  } else if (left->left_ns > kLastWarningS * kNsPerS) {
    next_warning_s_ = kLastWarningS;
  }
}

void TimeRules::resume(uint64_t mono_ns) {
  paused_ = false;
  typed(mono_ns);
}

uint64_t TimeRules::left_of(const Running& running, Now now) {
  const uint64_t left = minus(running.end_mono_ns, now.mono_ns);
  if (running.bound.after_s != 0) return left;
  return std::min(left, minus(running.bound.until_ns, now.real_ns));
}

std::optional<TimeRules::Left> TimeRules::first(Now now) const {
  std::optional<Left> least;
  for (const Running& running : running_) {
    const uint64_t left = left_of(running, now);
    if (least.has_value() && least->left_ns <= left) continue;
    least = Left{running.bound.limit, running.bound.words, left};
  }
  return least;
}

std::optional<uint64_t> TimeRules::idle_left_ns(uint64_t mono_ns) const {
  if (idle_s_ == 0 || !started_ || paused_) return std::nullopt;
  return minus(typed_ns_ + idle_s_ * kNsPerS, mono_ns);
}

bool TimeRules::idle_warning_due(uint64_t left_ns) const {
  return idle_s_ > kLastWarningS && left_ns <= kLastWarningS * kNsPerS &&
         idle_warned_for_ != typed_ns_;
}

std::optional<TimeRules::Warning> TimeRules::warning(Now now) {
  const std::optional<Left> left = first(now);
  if (left.has_value() && next_warning_s_ != 0 && left->left_ns <= next_warning_s_ * kNsPerS) {
    const uint64_t left_s = next_warning_s_;
    next_warning_s_ = left_s == kFirstWarningS ? kLastWarningS : 0;
    // A host that slept may have passed the first one by.
    if (left_s == kFirstWarningS && left->left_ns <= kLastWarningS * kNsPerS) return warning(now);
    return Warning{left->limit, left_s};
  }
  const std::optional<uint64_t> idle = idle_left_ns(now.mono_ns);
  if (!idle.has_value() || !idle_warning_due(*idle)) return std::nullopt;
  idle_warned_for_ = typed_ns_;
  return Warning{"idle_timeout", kLastWarningS};
}

std::optional<TimeRules::Left> TimeRules::over(Now now) const {
  for (const Left& left : ends(now)) {
    if (left.left_ns == 0) return left;
  }
  return std::nullopt;
}

std::optional<uint64_t> TimeRules::next_ns(Now now) const {
  std::optional<uint64_t> next;
  const auto at = [&next](uint64_t when) {
    next = next.has_value() ? std::min(*next, when) : when;
  };
  if (const auto left = first(now)) {
    at(now.mono_ns + minus(left->left_ns, next_warning_s_ * kNsPerS));
  }
  if (const auto idle = idle_left_ns(now.mono_ns)) {
    const bool warns = idle_s_ > kLastWarningS && idle_warned_for_ != typed_ns_;
    at(now.mono_ns + minus(*idle, warns ? kLastWarningS * kNsPerS : 0));
  }
  return next;
}

std::vector<TimeRules::Left> TimeRules::ends(Now now) const {
  std::vector<Left> all;
  for (const Running& running : running_)
    all.push_back({running.bound.limit, running.bound.words, left_of(running, now)});
  if (const auto idle = idle_left_ns(now.mono_ns)) {
    all.push_back(
        {"idle_timeout", model::to_duration_text(idle_s_) + ", nothing was typed", *idle});
  }
  return all;
}

}  // namespace carrel::session
