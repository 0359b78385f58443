#pragma once
// Times as RFC 3339 UTC with nanoseconds, the only spelling Carrel writes.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace carrel {

/// "2026-11-24T13:49:44.000000001Z" for nanoseconds since 1970 UTC. Thread-safe.
std::string to_rfc3339(uint64_t unix_ns);

/// Nanoseconds since 1970 of a moment as people write it: "2026-12-31T18:00:00Z", with up to nine
/// digits of a second after a dot. Nothing for another spelling, for a day that no calendar has and
/// for what is before 1970 or after 2200.
std::optional<uint64_t> from_rfc3339(std::string_view text);

}  // namespace carrel
