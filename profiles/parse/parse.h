#pragma once
// A profile's TOML source becomes a resolved model::Profile, or a list of errors that say what is
// wrong, where, and what to do. Pure: the caller reads the file and owns the exit code (120).

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/base/result.h"
#include "profiles/model/profile.h"

namespace carrel::parse {

/// Bounds of what is read. The last three keep event 0 of a session, which lists every rule, small.
inline constexpr size_t kMaxSourceBytes = size_t{1} << 20;
inline constexpr size_t kMaxErrors = 20;
inline constexpr size_t kMaxTables = 64;  // of [[repository]], and of [[credential]]
inline constexpr size_t kMaxEntries = 2000;
inline constexpr size_t kMaxCanonicalBytes = size_t{128} << 10;

/// A profile with its source lines, and what is allowed but worth saying (one line each, with
/// file:line:column).
struct ParsedProfile {
  model::Profile profile;
  std::vector<std::string> warnings;
  bool operator==(const ParsedProfile&) const = default;
};

/// Parses and resolves. `file_name` only labels messages. An Error's `what` holds one line an
/// error, "file:line:column: what is wrong; what to do", at most kMaxErrors of them, in the order
/// of the source; a key that Carrel knows but does not enforce yet is refused with "not supported
/// yet". Never throws, whatever the bytes are.
Result<ParsedProfile> parse_profile(std::string_view source, std::string_view file_name);

/// Seconds of a duration text: digits and one unit of s, m, h, d ("90s", "8h").
Result<uint64_t> parse_duration(std::string_view text);

}  // namespace carrel::parse
