#pragma once
// Typed reads from one TOML table: each says what it expected, where, and what to write instead.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/model/profile.h"
#include "profiles/parse/checks.h"
#include "profiles/parse/problems.h"
#include "profiles/parse/toml_tree.h"

namespace carrel::parse {

enum class Need { kRequired, kOptional };

/// Reads the keys of one table. `prefix` is the table's name ("" for the top level); a read of a
/// missing or wrong value adds a problem and answers the fallback.
class TableReader {
 public:
  TableReader(const Value& table, std::string_view prefix, Problems& problems)
      : table_(table), prefix_(prefix), problems_(problems) {}

  /// Adds a problem for every key that is unknown (with the nearest known one) or not supported
  /// yet.
  void refuse_other_keys() const;

  std::string text(std::string_view key, TextCheck check, Need need) const;
  /// 1 … kMaxVersion.
  uint64_t version(std::string_view key) const;
  /// Seconds of a duration between two bounds.
  uint64_t duration(std::string_view key, uint64_t low, uint64_t high, uint64_t fallback) const;
  /// The index of the word that stands there.
  size_t choice(std::string_view key, std::span<const std::string_view> words,
                size_t fallback) const;
  /// A list of path entries, in source order.
  std::vector<model::PathEntry> paths(std::string_view key) const;
  /// The table of that key, or null (with a problem where it is required or something else).
  const Value* table(std::string_view key, Need need) const;
  /// The tables of [[key]].
  std::vector<const Value*> tables(std::string_view key) const;
  /// Where a key stands, or the table where it does not.
  [[nodiscard]] model::SourceLine where(std::string_view key) const;

 private:
  const Value* find(std::string_view key, Value::Kind kind, std::string_view wanted,
                    Need need) const;
  [[nodiscard]] std::string full_name(std::string_view key) const;
  [[nodiscard]] std::string header() const;
  [[nodiscard]] std::string nearest_key(std::string_view key) const;

  const Value& table_;
  std::string_view prefix_;
  Problems& problems_;
};

}  // namespace carrel::parse
