#pragma once
// A gzip body (RFC 1952) as what it says, bounded: git compresses fetch requests above 1 KiB. Pure.

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

#include "launcher/gateway/http/refusal.h"

namespace carrel::gateway::http {

inline constexpr size_t kMaxGzipRatio = 100;

/// One whole member and nothing behind it, of at most `limit` bytes and 100 times its own size.
/// What was looked into is what must be sent on: unpacked, without its Content-Encoding.
/// Refused: 413 "body-too-large", 403 "gzip".
std::variant<Refusal, std::string> gunzip(std::string_view bytes, size_t limit);

}  // namespace carrel::gateway::http
