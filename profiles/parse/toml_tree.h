#pragma once
// TOML text as a small tree of our own: the only file that knows toml++ is toml_tree.cc.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/base/result.h"
#include "profiles/model/profile.h"
#include "profiles/parse/problems.h"

namespace carrel::parse {

struct Member;

/// One TOML value with the place where it starts.
struct Value {
  enum class Kind { kString, kInteger, kBoolean, kList, kTable, kOther };
  Kind kind = Kind::kOther;
  model::SourceLine where;
  std::string text;             // of kString
  int64_t number = 0;           // of kInteger; 1 of a true kBoolean
  std::vector<Value> items;     // of kList
  std::vector<Member> members;  // of kTable, sorted by key
  std::string_view type;        // "a string", "an integer", "a date", …: for messages

  /// The member of that key, or null.
  [[nodiscard]] const Member* find(std::string_view key) const;
};

struct Member {
  std::string key;
  model::SourceLine where;  // of the key
  Value value;
};

/// Parses at most kMaxSourceBytes of TOML 1.0. Refuses control characters and keys or values nested
/// deeper than any profile needs, so that no input can exhaust the stack. On failure adds one
/// problem and returns false. `file` goes into every place. Never throws.
bool read_toml(std::string_view source, int file, Value& root, Problems& problems);

}  // namespace carrel::parse
