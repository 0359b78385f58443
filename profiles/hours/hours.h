#pragma once
// May a session be open now, until when, and if not, from when on? Answered by what a clock on the
// wall of the zone shows, so that a day on which it is set needs no rule of its own.

#include <cstdint>
#include <string>

#include "profiles/base/result.h"

namespace carrel::hours {

/// Days and times of a zone's wall clock. A window whose end is not after its start goes over
/// midnight and belongs to the day on which it starts.
struct Window {
  uint8_t days = 0;       // bit 0 is Monday
  uint16_t from_min = 0;  // minutes after midnight, 0 … 1439
  uint16_t to_min = 0;    // 1 … 1440
  std::string zone;       // a name of the time zone database: "Europe/Berlin"
};

struct Answer {
  bool open = false;
  uint64_t until_ns = 0;  // when open: the end, since 1970; 0: it has none
  uint64_t opens_ns = 0;  // when not: the next moment at which it is; 0: never
};

/// Pure but for reading the host's time zone database (/usr/share/zoneinfo). An Error for a zone
/// that it does not have. Looks at most nine days ahead: a weekly rule says all within them.
Result<Answer> look(const Window& window, uint64_t now_ns);

/// "Mon 2026-03-30 07:00 CEST (Europe/Berlin)": a moment as the zone's wall clock shows it.
Result<std::string> wall_clock_text(const std::string& zone, uint64_t unix_ns);

/// "mon-fri 07:00-20:00 Europe/Berlin".
std::string words_of(const Window& window);

}  // namespace carrel::hours
