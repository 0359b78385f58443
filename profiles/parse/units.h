#pragma once
// Texts that stand for a number: the inverse of profiles/model/words.h. Every Error says what to
// write instead. Pure.

#include <cstdint>
#include <string_view>

#include "profiles/base/result.h"

namespace carrel::parse {

/// Seconds: digits and one unit of s, m, h, d, y ("90s", "8h"; a year is 365 days).
Result<uint64_t> parse_duration(std::string_view text);
/// Bytes: digits and one unit of B, KiB, MiB, GiB, TiB ("10MiB").
Result<uint64_t> parse_size(std::string_view text);
/// Thousandths of a processor: digits, and up to three more after a dot ("2", "0.5", "2.0").
Result<uint64_t> parse_processors(std::string_view text);
/// Minutes after midnight: "00:00" to "24:00".
Result<uint64_t> parse_time(std::string_view text);
/// Weekdays as bits, 0 is Monday: "mon-fri", "mon,wed,fri", "mon-wed,sat".
Result<uint64_t> parse_days(std::string_view text);

}  // namespace carrel::parse
