#pragma once
// Recorded text made safe to show, where its own spelling should stay readable.

#include <string>
#include <string_view>

namespace carrel::replay {

/// As quoted(), but tabs and backslashes stay: for lines of code and output, where doubling every
/// backslash would falsify what a reviewer reads. One line.
std::string plain_line(std::string_view bytes);

/// The text of one cell with every control, direction and malformed character as U+FFFD: nothing
/// that a terminal obeys, and about as wide as before.
std::string plain_cell(std::string_view utf8);

}  // namespace carrel::replay
