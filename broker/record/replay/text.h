#pragma once
// One terminal of a session as plain text: what a person would have read, without its timing.

#include <functional>
#include <string>

#include "broker/record/replay/timeline.h"
#include "broker/record/segments/store.h"
#include "profiles/base/result.h"

namespace carrel::replay {

/// Calls `line` with each line, safe to show, without a line feed. Of a terminal: the lines that
/// scrolled off its top and the screen as it was last (what a full-screen program drew and wiped is
/// not there); of pipes: their lines as they became whole. Bounded memory.
Result<segments::RecordReader::Summary> write_text(
    const segments::RecordReader& record, Chosen& chosen,
    const std::function<void(const std::string&)>& line);

}  // namespace carrel::replay
