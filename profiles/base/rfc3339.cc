#include "profiles/base/rfc3339.h"

#include <time.h>

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

}  // namespace carrel
