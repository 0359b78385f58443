#pragma once
// How often a session's gateway that has died is started again, and when. Pure: the clock is passed
// in, milliseconds of CLOCK_MONOTONIC.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace carrel::service {

/// Five times in a session and no more: what kills a gateway again and again may be someone at work
/// on it.
class GatewayTurns {
 public:
  static constexpr std::array<uint64_t, 5> kAfterMs = {0, 1000, 2000, 4000, 8000};

  /// It has died, or the one that was to take its place could not be started.
  void lost(uint64_t now_ms) {
    due_ms_.reset();
    if (spent()) return;
    due_ms_ = now_ms + kAfterMs[begun_];
  }
  /// One is started now: the next loss waits longer.
  void begin() {
    due_ms_.reset();
    ++begun_;
  }
  /// When one is to be started; nothing while one serves, or when none will be any more.
  [[nodiscard]] std::optional<uint64_t> due_ms() const { return due_ms_; }
  [[nodiscard]] bool is_due(uint64_t now_ms) const { return due_ms_ && now_ms >= *due_ms_; }
  /// No other one will be started.
  [[nodiscard]] bool spent() const { return begun_ >= kAfterMs.size(); }
  /// How many have been started again.
  [[nodiscard]] size_t begun() const { return begun_; }

 private:
  std::optional<uint64_t> due_ms_;
  size_t begun_ = 0;
};

}  // namespace carrel::service
