#pragma once
// How long a session may run, and when its person is warned. Pure; monotonic nanoseconds.

#include <cstdint>
#include <optional>

namespace carrel::session {

class TimeLimit {
 public:
  /// 0: no limit.
  explicit TimeLimit(uint64_t max_s) : max_s_(max_s) {}

  /// The command begins to run.
  void start(uint64_t now_ns);
  /// Seconds left, once for each warning (10 minutes, 1 minute) that has become due. Warnings that
  /// the limit leaves no room for are not given.
  std::optional<uint64_t> warning(uint64_t now_ns);
  [[nodiscard]] bool over(uint64_t now_ns) const;
  /// When one of the two has something to say next.
  [[nodiscard]] std::optional<uint64_t> next_ns() const;

 private:
  [[nodiscard]] std::optional<uint64_t> end_ns() const;
  uint64_t max_s_;
  std::optional<uint64_t> started_ns_;
  uint64_t next_warning_s_ = 0;  // seconds before the end; 0: none left
};

}  // namespace carrel::session
