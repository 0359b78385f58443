#pragma once
// Session and workspace ids: ULIDs in lower case (48-bit milliseconds, 80 random bits, Crockford
// base32).

#include <cstdint>
#include <string>
#include <string_view>

namespace carrel {

/// The 26 characters for a time in milliseconds since 1970 and 10 random bytes. Pure.
std::string make_ulid(uint64_t unix_ms, std::string_view random10);
/// True for 26 lower-case Crockford characters whose first is at most '7'.
bool is_ulid(std::string_view text);

}  // namespace carrel
