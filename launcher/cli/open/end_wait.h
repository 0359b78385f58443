#pragma once
// Whoever opens a task whose last session is at its workspace still waits for that.

#include <cstdint>
#include <optional>
#include <string>

namespace carrel::open {

/// One minute in all, however often it is asked for.
class EndWait {
 public:
  /// Sleeps, and says once on stderr whom it waits for (`session`: "" where that is not known).
  /// False, at once: the minute is over.
  bool turn(const std::string& session);

 private:
  std::optional<uint64_t> began_ms_;
  bool said_ = false;
};

}  // namespace carrel::open
