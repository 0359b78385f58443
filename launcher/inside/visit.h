#pragma once
// One question to carrel-session and its answer.

#include <string>

#include "launcher/inside/message.h"

namespace carrel::inside {

/// Connects, asks, waits at most `timeout_ms` for the answer. ENOENT: not inside a workspace;
/// ECONNREFUSED or EPIPE: it does not listen any more; EAGAIN: too many ask at once; ETIMEDOUT.
Result<Answer> ask(const std::string& socket_path, const Question& question, int timeout_ms);

}  // namespace carrel::inside
