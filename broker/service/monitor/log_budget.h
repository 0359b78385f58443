#pragma once
// How much of the operator's log one caller may fill: whoever asks and asks must not fill the disk.

#include <sys/types.h>

#include <cstdint>
#include <map>

namespace carrel::monitor {

inline constexpr uint64_t kLogLines = 120;  // of one uid a minute
inline constexpr size_t kLogCallers = 1024;

class LogBudget {
 public:
  struct Verdict {
    bool write = false;
    uint64_t left_out = 0;  // lines of this uid that were not written in a minute before; told once
  };
  /// Whether a line that this uid causes is written. Of more callers than kLogCallers in a minute
  /// the rest share one budget.
  Verdict take(uid_t uid, uint64_t now_ns);

 private:
  struct Minute {
    uint64_t began_ns = 0;
    uint64_t written = 0;
    uint64_t left_out = 0;
  };
  std::map<uint64_t, Minute> minutes_;  // by uid; UINT64_MAX: all the others
};

}  // namespace carrel::monitor
