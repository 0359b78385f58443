#include "profiles/parse/units.h"

#include <algorithm>
#include <array>
#include <optional>

#include "profiles/base/text.h"
#include "profiles/model/words.h"

namespace carrel::parse {
namespace {

struct Unit {
  std::string_view name;
  uint64_t factor;
};
constexpr std::array<Unit, 5> kTimes = {
    {{"y", 365 * 86400}, {"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}}};
constexpr std::array<Unit, 5> kSizes = {{{"TiB", uint64_t{1} << 40},
                                         {"GiB", uint64_t{1} << 30},
                                         {"MiB", uint64_t{1} << 20},
                                         {"KiB", uint64_t{1} << 10},
                                         {"B", 1}}};

Error complaint(std::string_view text, std::string_view rest) {
  return Error{"\"" + quoted(text.substr(0, 64)) + "\" is no " + std::string(rest)};
}

/// At most nine digits, so that no unit overflows.
std::optional<uint64_t> digits(std::string_view text) {
  if (text.empty() || text.size() > 9) return std::nullopt;
  uint64_t count = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    count = count * 10 + static_cast<uint64_t>(c - '0');
  }
  return count;
}

template <size_t N>
std::optional<uint64_t> with_unit(std::string_view text, const std::array<Unit, N>& units) {
  for (const Unit& unit : units) {
    if (!text.ends_with(unit.name)) continue;
    const auto count = digits(text.substr(0, text.size() - unit.name.size()));
    if (count && *count > UINT64_MAX / unit.factor) return std::nullopt;
    return count ? std::optional(*count * unit.factor) : std::nullopt;
  }
  return std::nullopt;
}

std::optional<size_t> day_of(std::string_view word) {
  const auto found = std::find(model::kDayWords.begin(), model::kDayWords.end(), word);
  if (found == model::kDayWords.end()) return std::nullopt;
  return static_cast<size_t>(found - model::kDayWords.begin());
}

}  // namespace

Result<uint64_t> parse_duration(std::string_view text) {
  if (const auto seconds = with_unit(text, kTimes)) return *seconds;
  return complaint(text,
                   "duration; write digits and one unit of s, m, h, d, y, like \"90s\" or \"8h\"");
}

Result<uint64_t> parse_size(std::string_view text) {
  if (const auto bytes = with_unit(text, kSizes)) return *bytes;
  return complaint(
      text,
      "size; write digits and one unit of B, KiB, MiB, GiB, TiB, like \"512MiB\" or \"4GiB\"");
}

Result<uint64_t> parse_processors(std::string_view text) {
  const size_t dot = text.find('.');
  const bool has_dot = dot != std::string_view::npos;
  const auto whole = digits(text.substr(0, dot));
  const std::string_view after = has_dot ? text.substr(dot + 1) : "0";
  const auto fraction = after.size() <= 3 ? digits(after) : std::nullopt;
  if (!whole || !fraction) {
    return complaint(text,
                     "number of processors; write \"2\" or \"0.5\", with up to three digits "
                     "after the dot");
  }
  uint64_t milli = *fraction;
  for (size_t i = after.size(); i < 3; ++i)
    milli *= 10;
  return *whole * 1000 + milli;
}

Result<uint64_t> parse_time(std::string_view text) {
  if (text.size() == 5 && text[2] == ':') {
    const auto hour = digits(text.substr(0, 2));
    const auto minute = digits(text.substr(3));
    if (hour && minute && *minute < 60 && *hour * 60 + *minute <= 24 * 60) {
      return *hour * 60 + *minute;
    }
  }
  return complaint(text, "time; write hours and minutes, like \"07:00\"");
}

Result<uint64_t> parse_days(std::string_view text) {
  const Error bad = complaint(text, "set of days; write them like \"mon-fri\" or \"mon,wed,sat\"");
  uint64_t bits = 0;
  if (text.size() > 64) return bad;
  while (true) {
    const size_t comma = text.find(',');
    const std::string_view piece = text.substr(0, comma);
    const size_t dash = piece.find('-');
    const auto first = day_of(piece.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : day_of(piece.substr(dash + 1));
    if (!first || !last || *last < *first) return bad;
    for (size_t day = *first; day <= *last; ++day) {
      if ((bits >> day & 1U) != 0) return bad;
      bits |= uint64_t{1} << day;
    }
    if (comma == std::string_view::npos) return bits;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace carrel::parse
