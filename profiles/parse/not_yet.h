#pragma once
// What the profile language has and this program does not enforce yet. Such a key or value is an
// error in every profile, so that a profile never says something that does not hold.

#include <span>
#include <string_view>

namespace carrel::parse {

/// A key (with all keys below it), or one value of a key, and why it is refused: a short clause.
struct NotYet {
  std::string_view key;
  std::string_view value;  // "": the key itself; "*": every value but the default
  std::string_view why;
  bool operator==(const NotYet&) const = default;
};

/// The rows of this program. Reading, checking, canonical form, rules and explain know every key
/// already: who enforces one deletes its row here and its line in docs/profile-reference.md "Not
/// supported yet", and names the tests that show it in that file's row of the key.
std::span<const NotYet> not_yet();

}  // namespace carrel::parse
