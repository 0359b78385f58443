#pragma once
// Every key of the profile language in one table: the parser refuses by it, the JSON Schema is made
// of it and docs/profile-reference.md is compared with it. What of it this program does not enforce
// yet stands in not_yet.h.

#include <span>
#include <string_view>

namespace carrel::parse {

/// What stands behind a key.
enum class Shape {
  kTable,       // [key] or { … }
  kTables,      // [[key]] or [{ … }]
  kText,        // "…"
  kChoice,      // one of a few words
  kInteger,     // a number
  kBoolean,     // true or false
  kDuration,    // "90s"
  kSize,        // "4GiB"
  kProcessors,  // "2.0"
  kTime,        // "07:00"
  kTexts,       // a list of texts
  kPaths,       // a list of paths of a repository
  kIntegers,    // a list of numbers
};

/// One key by its full name; keys of [[repository]] are "repository.name" and so on.
struct KeySpec {
  std::string_view name;
  Shape shape = Shape::kText;
  std::string_view about;  // a few words, for editors
  bool operator==(const KeySpec&) const = default;
};

/// All keys, tables before their own keys.
std::span<const KeySpec> known_keys();
/// The key of that full name, or null.
const KeySpec* find_key(std::string_view full_name);

}  // namespace carrel::parse
