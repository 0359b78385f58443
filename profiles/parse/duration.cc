#include <array>

#include "profiles/base/text.h"
#include "profiles/parse/parse.h"

namespace carrel::parse {
namespace {

struct Unit {
  char letter;
  uint64_t seconds;
};
constexpr std::array<Unit, 4> kUnits = {{{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}}};

}  // namespace

Result<uint64_t> parse_duration(std::string_view text) {
  const Error bad{
      "\"" + quoted(text.substr(0, 64)) +
      "\" is no duration; write digits and one unit of s, m, h, d, like \"90s\" or \"8h\""};
  if (text.size() < 2 || text.size() > 10) return bad;
  uint64_t count = 0;
  for (const char c : text.substr(0, text.size() - 1)) {
    if (c < '0' || c > '9') return bad;
    count = count * 10 + static_cast<uint64_t>(c - '0');
  }
  for (const Unit& unit : kUnits) {
    if (unit.letter == text.back()) return count * unit.seconds;
  }
  return bad;
}

}  // namespace carrel::parse
