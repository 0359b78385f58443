#include "broker/record/replay/pace.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <string>

#include "profiles/base/text.h"

namespace carrel::replay {
namespace {

constexpr double kSecond = 1e9;
constexpr double kLongest = 30.0 * 24 * 3600 * kSecond;

/// Nanoseconds of a unit; 0 for a word that is none.
double unit_of(std::string_view word) {
  if (word == "ms") return 1e6;
  if (word.empty() || word == "s") return kSecond;
  if (word == "m") return 60 * kSecond;
  return word == "h" ? 3600 * kSecond : 0;
}

Error bad_time(std::string_view text) {
  return Error{"not a time: \"" + quoted(text.substr(0, 40)) + "\" (give 90s, 1.5s, 250ms, 2m3s)"};
}

}  // namespace

Result<double> parse_speed(std::string_view text) {
  std::string_view number = text;
  if (number.ends_with('x')) number.remove_suffix(1);
  double speed = 0;
  const char* end = number.data() + number.size();
  const auto read = std::from_chars(number.data(), end, speed, std::chars_format::fixed);
  // Written so that a NaN is refused too.
  if (read.ec != std::errc{} || read.ptr != end || !(speed >= kMinSpeed && speed <= kMaxSpeed))
    return Error{"not a speed: \"" + quoted(text.substr(0, 40)) + "\" (give 0.1 to 1000)"};
  return speed;
}

Result<uint64_t> parse_time(std::string_view text) {
  double total = 0;
  std::string_view rest = text;
  do {
    double number = 0;
    const auto read =
        std::from_chars(rest.data(), rest.data() + rest.size(), number, std::chars_format::fixed);
    if (read.ec != std::errc{} || !(number >= 0)) return bad_time(text);
    rest.remove_prefix(static_cast<size_t>(read.ptr - rest.data()));
    const size_t letters = std::min(rest.find_first_of("0123456789."), rest.size());
    const double unit = unit_of(rest.substr(0, letters));
    if (unit == 0) return bad_time(text);
    rest.remove_prefix(letters);
    total += number * unit;
    if (!(total <= kLongest)) return bad_time(text);
  } while (!rest.empty());
  return static_cast<uint64_t>(total);
}

uint64_t due_in(const Pace& pace, uint64_t shown_ns, uint64_t at_ns) {
  const uint64_t start = std::max(shown_ns, pace.from_ns);
  if (at_ns <= start) return 0;
  const uint64_t wait = at_ns - start;
  return pace.skip_idle_ns ? std::min(wait, *pace.skip_idle_ns) : wait;
}

uint64_t to_real(uint64_t session_ns, double speed) {
  const double real = static_cast<double>(session_ns) / speed;
  return real >= 1e18 ? uint64_t{1'000'000'000'000'000'000} : static_cast<uint64_t>(real);
}

uint64_t to_session(uint64_t real_ns, double speed) {
  return to_real(real_ns, 1 / speed);
}

double faster(double speed) {
  return std::min(speed * 2, kMaxSpeed);
}
double slower(double speed) {
  return std::max(speed / 2, kMinSpeed);
}

std::string clock_text(uint64_t ns) {
  const uint64_t seconds = ns / 1'000'000'000;
  char text[48];
  snprintf(text, sizeof text, "%llu:%02u:%02u", static_cast<unsigned long long>(seconds / 3600),
           static_cast<unsigned>(seconds / 60 % 60), static_cast<unsigned>(seconds % 60));
  return text;
}

}  // namespace carrel::replay
