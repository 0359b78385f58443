#pragma once
// Serves one HTTP request on two descriptors, as inetd and systemd hand them to a program.

#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>

#include "profiles/base/result.h"

namespace carrel::token {

inline constexpr int kRequestMs = 10'000;

/// Asks for a token; the answer is JSON. It may take so many milliseconds.
using Ask = std::function<Result<std::string>(const std::string& token, int patience_ms)>;

/// Reads the request, asks, answers: in `patience_ms` together. False where nobody could be asked
/// (`err` says why) or the answer could not be sent.
bool serve_http(int in, int out, std::FILE* err, const Ask& ask, int patience_ms = kRequestMs);

}  // namespace carrel::token
