#pragma once
// A record's terminal as timed steps, streamed: at most one segment (16 MiB) is in memory.

#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "broker/record/screen/screen.h"
#include "broker/record/segments/store.h"
#include "profiles/base/result.h"

namespace carrel::replay {

enum class StepKind { kOutput, kResize };

/// One thing that reached the terminal.
struct Step {
  StepKind kind = StepKind::kOutput;
  uint64_t seq = 0;
  uint64_t at_ns = 0;   // since the session's first event; never before the step before
  std::string stream;   // "pty" | "stdout" | "stderr"
  std::string bytes;    // hostile
  screen::Size size{};  // of kResize
};

/// Of several terminals at a session one is shown at a time: "" is the first.
struct Chosen {
  std::string channel;
  std::set<std::string> others;  // filled in: those that have steps too, at most kMaxOthers
  static constexpr size_t kMaxOthers = 64;
};

/// Calls `visit` for every step of the chosen terminal in order, until it answers false. A damaged
/// record is an Error, one that is not finished is none.
Result<segments::RecordReader::Summary> for_each_step(
    const segments::RecordReader& record, Chosen& chosen,
    const std::function<bool(const Step&)>& visit);

}  // namespace carrel::replay
