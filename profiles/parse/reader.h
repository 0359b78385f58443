#pragma once
// Typed reads from one table: each says what it expected, where, and what to write instead.

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/model/profile.h"
#include "profiles/parse/checks.h"
#include "profiles/parse/not_yet.h"
#include "profiles/parse/problems.h"
#include "profiles/parse/toml_tree.h"

namespace carrel::parse {

enum class Need { kRequired, kOptional };

/// How values with a unit are written: "8h" in a profile's source, 28800 in canonical bytes.
enum class Notation { kSource, kCanonical };

/// What is the same for every table of one reading.
struct Reading {
  Problems& problems;
  std::span<const NotYet> not_yet;  // what is refused by name
  Notation notation = Notation::kSource;
  bool part = false;  // a file that is only extended may leave out what is required
};

struct Bounds {
  uint64_t low = 0;
  uint64_t high = 0;
};

/// Reads the keys of one table. `prefix` is the table's full name ("" for the top level); a read of
/// a missing or wrong value adds a problem and answers the fallback; of a key that is not supported
/// yet only refuse_other_keys() speaks.
class TableReader {
 public:
  TableReader(const Value& table, std::string_view prefix, const Reading& reading)
      : table_(table), prefix_(prefix), reading_(reading) {}

  /// Adds a problem for every key that is unknown (with the nearest known one) or not supported
  /// yet.
  void refuse_other_keys() const;
  [[nodiscard]] bool has(std::string_view key) const { return table_.find(key) != nullptr; }

  std::string text(std::string_view key, TextCheck check, Need need,
                   std::string_view fallback = "") const;
  /// A list of texts, sorted, none twice.
  std::vector<model::TextEntry> texts(std::string_view key, TextCheck check) const;
  uint64_t integer(std::string_view key, Bounds bounds, Need need, uint64_t fallback = 0) const;
  /// A list of integers, sorted, none twice.
  std::vector<uint64_t> integers(std::string_view key, Bounds bounds, Need need) const;
  /// `true`, and 1 in canonical bytes.
  bool boolean(std::string_view key) const;
  /// Seconds of a duration between two bounds.
  uint64_t duration(std::string_view key, Bounds bounds, uint64_t fallback) const;
  /// Bytes of a size between two bounds.
  std::optional<uint64_t> size(std::string_view key, Bounds bounds) const;
  /// Thousandths of a processor.
  uint64_t processors(std::string_view key, Bounds bounds, uint64_t fallback) const;
  /// Minutes after midnight.
  uint16_t time(std::string_view key, Bounds bounds) const;
  /// A set of weekdays, bit 0 is Monday.
  uint8_t days(std::string_view key) const;
  template <typename Enum, size_t N>
  Enum word(std::string_view key, const std::array<std::string_view, N>& words,
            Enum fallback) const {
    return static_cast<Enum>(choice(key, words, static_cast<size_t>(fallback)));
  }
  /// A list of path entries, in source order.
  std::vector<model::PathEntry> paths(std::string_view key) const;
  /// The table of that key, or null (with a problem where it is required or something else).
  const Value* table(std::string_view key, Need need) const;
  /// The tables of [[key]].
  std::vector<const Value*> tables(std::string_view key) const;
  /// Where a key stands, or the table where it does not.
  [[nodiscard]] model::SourceLine where(std::string_view key) const;
  /// Where a key stands, or nowhere: for what has a default.
  [[nodiscard]] model::SourceLine line_of(std::string_view key) const;

  void complain(std::string_view key, std::string_view complaint) const;

 private:
  using UnitReader = Result<uint64_t> (*)(std::string_view);
  using UnitText = std::string (*)(uint64_t);

  size_t choice(std::string_view key, std::span<const std::string_view> words,
                size_t fallback) const;
  /// A number written with a unit, or as it is in canonical bytes.
  std::optional<uint64_t> united(std::string_view key, Bounds bounds, UnitReader read,
                                 UnitText words, std::string_view example) const;
  const Value* find(std::string_view key, Value::Kind kind, std::string_view wanted,
                    Need need) const;
  std::optional<uint64_t> number(const Value& value, std::string_view key, Bounds bounds) const;
  [[nodiscard]] bool may_be_empty() const;
  const Value* list(std::string_view key, std::string_view example, Need need) const;
  [[nodiscard]] bool is_refused(std::string_view key, std::string_view value) const;
  [[nodiscard]] std::string full_name(std::string_view key) const;
  [[nodiscard]] std::string header() const;
  [[nodiscard]] std::string nearest_key(std::string_view key) const;

  const Value& table_;
  std::string_view prefix_;
  const Reading& reading_;
};

}  // namespace carrel::parse
