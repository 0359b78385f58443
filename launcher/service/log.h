#pragma once
// The launcher's log for operators: one line an event, a fixed name and key=value pairs, no
// secrets, no raw bytes (quoted() first).

#include <functional>
#include <string>

namespace carrel::service {

using Log = std::function<void(const std::string& line)>;

/// Appends lines to `log_fd` (borrowed), each with the time. A full disk loses lines, nothing else.
Log log_to(int log_fd);

}  // namespace carrel::service
