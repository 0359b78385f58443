#pragma once
// Times as RFC 3339 UTC with nanoseconds, the only spelling Carrel writes.

#include <cstdint>
#include <string>

namespace carrel {

/// "2026-11-24T13:49:44.000000001Z" for nanoseconds since 1970 UTC. Thread-safe.
std::string to_rfc3339(uint64_t unix_ns);

}  // namespace carrel
