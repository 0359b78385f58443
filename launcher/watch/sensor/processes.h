#pragma once
// Which process did it: numbers of a session's processes that survive the reuse of a pid.

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <utility>

#include "broker/record/events/event.h"

namespace carrel::sensor {

/// A process as the kernel names it: (tgid, start_ns) is never given twice.
struct ProcessKey {
  uint32_t tgid = 0;
  uint64_t start_ns = 0;
};

/// Bounded: of processes that have ended, the last kEndedKept are remembered (some records come
/// after the exit's), and of all at most kLimit.
class Processes {
 public:
  static constexpr size_t kEndedKept = 4096;
  static constexpr size_t kLimit = 131072;

  /// The process, made with a new id and an unknown parent when it was not seen before.
  const events::Process& at(ProcessKey key);
  /// A child with its parent's executable. Returns its id.
  uint32_t fork(ProcessKey parent, ProcessKey child);
  void exec(ProcessKey key, std::string exe);
  /// False when it had ended before.
  bool exit(ProcessKey key);

 private:
  struct Entry {
    uint64_t start_ns = 0;
    events::Process process;
    bool ended = false;
  };
  Entry& entry(ProcessKey key);
  void make_room();
  std::unordered_map<uint32_t, Entry> entries_;  // by tgid
  std::deque<ProcessKey> ended_;
  uint32_t next_id_ = 1;
};

}  // namespace carrel::sensor
