#pragma once
// A profile's TOML source becomes a resolved model::Profile, or a list of errors that say what is
// wrong, where, and what to do. Pure: the caller reads the file and owns the exit code (120).

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/base/result.h"
#include "profiles/model/profile.h"
#include "profiles/parse/not_yet.h"

namespace carrel::parse {

/// Bounds of what is read. The last three keep event 0 of a session, which lists every rule, small.
inline constexpr size_t kMaxSourceBytes = size_t{1} << 20;
inline constexpr size_t kMaxErrors = 20;
inline constexpr size_t kMaxTables = 64;  // of each [[kind]]
inline constexpr size_t kMaxTexts = 256;  // of a list of names or numbers
inline constexpr size_t kMaxEntries = 2000;
inline constexpr size_t kMaxCanonicalBytes = size_t{128} << 10;

/// A profile with its source lines, and what is allowed but worth saying (one line each, with
/// file:line:column).
struct ParsedProfile {
  model::Profile profile;
  std::vector<std::string> warnings;
  bool operator==(const ParsedProfile&) const = default;
};

/// Parses and resolves a profile that extends nothing (resolve.h is for the others). `file_name`
/// only labels messages. An Error's `what` holds one line an error, "file:line:column: what is
/// wrong; what to do", at most kMaxErrors of them, in the order of the source; a key that Carrel
/// knows but does not enforce yet is refused with "not supported yet". Never throws, whatever the
/// bytes are.
Result<ParsedProfile> parse_profile(std::string_view source, std::string_view file_name);
/// The same with another list of what is refused: with none, the whole language is read.
Result<ParsedProfile> parse_profile(std::string_view source, std::string_view file_name,
                                    std::span<const NotYet> refused);

}  // namespace carrel::parse
