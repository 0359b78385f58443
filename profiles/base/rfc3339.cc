#include "profiles/base/rfc3339.h"

#include <time.h>

#include <algorithm>
#include <cstdio>

namespace carrel {

std::string to_rfc3339(uint64_t unix_ns) {
  const auto seconds = static_cast<time_t>(unix_ns / 1'000'000'000);
  struct tm parts {};
  gmtime_r(&seconds, &parts);
  char text[64];
  snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%09uZ", parts.tm_year + 1900,
           parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
           static_cast<unsigned>(unix_ns % 1'000'000'000));
  return text;
}

std::optional<uint64_t> from_rfc3339(std::string_view text) {
  constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:dd";
  constexpr uint64_t kNsPerS = 1'000'000'000;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() <= kShape.size() || text.size() > kShape.size() + 11 || text.back() != 'Z') {
    return std::nullopt;
  }
  for (size_t i = 0; i < kShape.size(); ++i) {
    if (kShape[i] == 'd' ? !is_digit(text[i]) : text[i] != kShape[i]) return std::nullopt;
  }
  std::string_view rest = text.substr(kShape.size(), text.size() - kShape.size() - 1);
  if (!rest.empty() && (rest.front() != '.' || rest.size() == 1)) return std::nullopt;
  if (!rest.empty()) rest.remove_prefix(1);
  if (!std::all_of(rest.begin(), rest.end(), is_digit)) return std::nullopt;
  uint64_t ns = 0;
  for (size_t i = 0; i < 9; ++i)
    ns = ns * 10 + (i < rest.size() ? static_cast<uint64_t>(rest[i] - '0') : 0);
  const auto number = [text](size_t at, size_t digits) {
    int value = 0;
    for (size_t i = at; i < at + digits; ++i)
      value = value * 10 + (text[i] - '0');
    return value;
  };
  struct tm asked {};
  asked.tm_year = number(0, 4) - 1900;
  asked.tm_mon = number(5, 2) - 1;
  asked.tm_mday = number(8, 2);
  asked.tm_hour = number(11, 2);
  asked.tm_min = number(14, 2);
  asked.tm_sec = number(17, 2);
  if (asked.tm_year < 70 || asked.tm_year > 300) return std::nullopt;
  struct tm fields = asked;
  const time_t moment = timegm(&fields);
  // A moment that no clock shows is another one now.
  const bool same = fields.tm_mon == asked.tm_mon && fields.tm_mday == asked.tm_mday &&
                    fields.tm_hour == asked.tm_hour && fields.tm_min == asked.tm_min &&
                    fields.tm_sec == asked.tm_sec;
  if (!same || moment < 0) return std::nullopt;
  return static_cast<uint64_t>(moment) * kNsPerS + ns;
}

}  // namespace carrel
