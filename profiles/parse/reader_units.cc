// The reads of values that are written with a unit.

#include <algorithm>

#include "profiles/base/text.h"
#include "profiles/model/words.h"
#include "profiles/parse/reader.h"
#include "profiles/parse/units.h"

namespace carrel::parse {

std::optional<uint64_t> TableReader::united(std::string_view key, Bounds bounds, UnitReader read,
                                            UnitText words, std::string_view example) const {
  const std::string wanted = std::string(key) + " = " + std::string(example);
  if (reading_.notation == Notation::kCanonical) {
    const Value* value = find(key, Value::Kind::kInteger, wanted, Need::kOptional);
    return value == nullptr ? std::nullopt : number(*value, key, bounds);
  }
  const Value* value = find(key, Value::Kind::kString, wanted, Need::kOptional);
  if (value == nullptr) return std::nullopt;
  auto count = read(value->text);
  if (!count.ok()) {
    reading_.problems.add(value->where, full_name(key) + ": " + count.error().what);
    return std::nullopt;
  }
  if (count.value() >= bounds.low && count.value() <= bounds.high) return count.value();
  reading_.problems.add(value->where,
                        full_name(key) + " is " + "\"" + quoted(value->text.substr(0, 80)) + "\"" +
                            "; it must be " + words(bounds.low) + " to " + words(bounds.high));
  return std::nullopt;
}

uint64_t TableReader::duration(std::string_view key, Bounds bounds, uint64_t fallback) const {
  // A default such as "no limit" has no words of its own, but stands in canonical bytes.
  if (reading_.notation == Notation::kCanonical) bounds.low = std::min(bounds.low, fallback);
  return united(key, bounds, parse_duration, model::to_duration_text,
                "\"90s\", a text with one unit of s, m, h, d, y")
      .value_or(fallback);
}

std::optional<uint64_t> TableReader::size(std::string_view key, Bounds bounds) const {
  return united(key, bounds, parse_size, model::to_size_text,
                "\"4GiB\", a text with one unit of B, KiB, MiB, GiB, TiB");
}

uint64_t TableReader::processors(std::string_view key, Bounds bounds, uint64_t fallback) const {
  return united(key, bounds, parse_processors, model::to_cpu_text, "\"2.0\", a text")
      .value_or(fallback);
}

uint16_t TableReader::time(std::string_view key, Bounds bounds) const {
  const auto words = [](uint64_t minutes) {
    return model::to_time_text(static_cast<uint16_t>(minutes));
  };
  if (!has(key) && !reading_.part)
    complain(key, "is missing; add " + std::string(key) + " = \"07:00\"");
  return static_cast<uint16_t>(
      united(key, bounds, parse_time, words, "\"07:00\", hours and minutes").value_or(0));
}

uint8_t TableReader::days(std::string_view key) const {
  const auto words = [](uint64_t days) { return model::to_days_text(static_cast<uint8_t>(days)); };
  if (!has(key) && !reading_.part)
    complain(key, "is missing; add " + std::string(key) + " = \"mon-fri\"");
  return static_cast<uint8_t>(united(key, {1, 127}, parse_days, words, "\"mon-fri\"").value_or(0));
}

}  // namespace carrel::parse
