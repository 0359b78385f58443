#include "profiles/hours/hours.h"

#include <date/date.h>
#include <date/tz.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <vector>

#include "profiles/base/text.h"

namespace carrel::hours {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr int kDaysAhead = 9;

date::sys_seconds to_moment(uint64_t unix_ns) {
  return date::sys_seconds(seconds(unix_ns / 1'000'000'000));
}
uint64_t to_ns(date::sys_seconds moment) {
  return static_cast<uint64_t>(moment.time_since_epoch().count()) * 1'000'000'000;
}

bool has_day(const Window& window, date::local_days day) {
  const auto since_monday = static_cast<unsigned>((date::weekday(day) - date::Monday).count());
  return (window.days >> since_monday & 1U) != 0;
}

/// What the clock on the wall shows is all that counts.
bool is_open(const Window& window, const date::time_zone& zone, date::sys_seconds moment) {
  const date::local_seconds wall = zone.to_local(moment);
  const date::local_days day = date::floor<date::days>(wall);
  const seconds time = wall - day;
  const seconds from = minutes(window.from_min);
  const seconds to = minutes(window.to_min);
  if (window.from_min < window.to_min) return has_day(window, day) && time >= from && time < to;
  return (has_day(window, day) && time >= from) ||
         (has_day(window, day - date::days(1)) && time < to);
}

/// Every moment after `now` at which the answer can change: starts, ends, and the moments at which
/// the clock is set.
std::vector<date::sys_seconds> turns_after(const Window& window, const date::time_zone& zone,
                                           date::sys_seconds now) {
  std::vector<date::sys_seconds> turns;
  const date::local_days today = date::floor<date::days>(zone.to_local(now));
  for (int day = -1; day <= kDaysAhead; ++day) {
    for (const int minute : {int{window.from_min}, int{window.to_min}}) {
      const date::local_seconds wall = today + date::days(day) + minutes(minute);
      // A time that the wall shows twice; one that it never shows lies where the clock is set.
      for (const date::choose which : {date::choose::earliest, date::choose::latest})
        turns.push_back(zone.to_sys(wall, which));
    }
  }
  const date::sys_seconds last = now + date::days(kDaysAhead + 1);
  for (date::sys_seconds set = zone.get_info(now).end; set < last; set = zone.get_info(set).end)
    turns.push_back(set);
  std::erase_if(turns, [now](date::sys_seconds turn) { return turn <= now; });
  std::sort(turns.begin(), turns.end());
  return turns;
}

/// The library reports by exceptions; they end here.
template <typename Work>
auto with_zone(const std::string& name, Work work)
    -> Result<decltype(work(*date::current_zone()))> {
  try {
    return work(*date::locate_zone(name));
  } catch (const std::exception&) {
    return Error{"time zone " + quoted(name) + " is not in this host's database (tzdata)"};
  }
}

std::string two_digits(unsigned number) {
  return (number < 10 ? "0" : "") + std::to_string(number);
}

std::string clock_text(unsigned minute) {
  return two_digits(minute / 60) + ":" + two_digits(minute % 60);
}

}  // namespace

Result<Answer> look(const Window& window, uint64_t now_ns) {
  return with_zone(window.zone, [&](const date::time_zone& zone) {
    const date::sys_seconds now = to_moment(now_ns);
    Answer answer;
    answer.open = is_open(window, zone, now);
    for (const date::sys_seconds turn : turns_after(window, zone, now)) {
      if (is_open(window, zone, turn) == answer.open) continue;
      (answer.open ? answer.until_ns : answer.opens_ns) = to_ns(turn);
      break;
    }
    return answer;
  });
}

Result<std::string> wall_clock_text(const std::string& name, uint64_t unix_ns) {
  return with_zone(name, [&](const date::time_zone& zone) {
    const date::zoned_time<seconds> moment(&zone, to_moment(unix_ns));
    return date::format("%a %F %H:%M %Z", moment) + " (" + name + ")";
  });
}

std::string words_of(const Window& window) {
  static constexpr std::array<std::string_view, 7> kDays = {"mon", "tue", "wed", "thu",
                                                            "fri", "sat", "sun"};
  std::string out;
  for (size_t day = 0; day < kDays.size(); ++day) {
    if ((window.days >> day & 1U) == 0) continue;
    size_t last = day;
    while (last + 1 < kDays.size() && (window.days >> (last + 1) & 1U) != 0)
      ++last;
    out += (out.empty() ? "" : ",") + std::string(kDays.at(day));
    if (last > day) out += (last == day + 1 ? "," : "-") + std::string(kDays.at(last));
    day = last;
  }
  return out + " " + clock_text(window.from_min) + "-" + clock_text(window.to_min) + " " +
         window.zone;
}

}  // namespace carrel::hours
