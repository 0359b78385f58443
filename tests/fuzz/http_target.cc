// Paths and queries: their canonical form is its own. Input: path, then behind the first space a
// query, behind the second one a pattern.

#include <algorithm>
#include <optional>

#include "launcher/gateway/http/target.h"
#include "launcher/gateway/http/text.h"
#include "profiles/decide/pattern.h"
#include "tests/fuzz/target.h"

namespace {

using namespace carrel::gateway::http;

std::string_view take_word(std::string_view& input) {
  const std::string_view word = input.substr(0, input.find(' '));
  input.remove_prefix(std::min(word.size() + 1, input.size()));
  return word;
}

/// As a careless server reads a path: every escape undone, wherever it came from.
std::string undone(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto high = i + 2 < text.size() ? hex_value(text[i + 1]) : std::nullopt;
    const auto low = i + 2 < text.size() ? hex_value(text[i + 2]) : std::nullopt;
    if (text[i] == '%' && high && low) {
      out += static_cast<char>(*high * 16 + *low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool climbs(const std::string& path) {
  return (path + "/").find("/../") != std::string::npos || path.find('\\') != std::string::npos ||
         path.find('\0') != std::string::npos;
}

}  // namespace

FUZZ_TARGET(http_target) {
  const auto path = read_path(take_word(input));
  const auto query = read_query(take_word(input));
  if (const auto* text = std::get_if<std::string>(&query)) {
    MUST(std::get<std::string>(read_query(*text)) == *text);
    MUST(text->find_first_of("# \r\n") == std::string::npos &&
         text->find('\0') == std::string::npos);
  }
  const auto* canonical = std::get_if<std::string>(&path);
  if (canonical == nullptr) return;
  MUST(std::get<std::string>(read_path(*canonical)) == *canonical);
  MUST(!climbs(*canonical) && !climbs(undone(*canonical)) && !climbs(undone(undone(*canonical))));
  MUST(carrel::decide::matches_path("/**", *canonical) &&
       carrel::decide::matches_path(*canonical, *canonical));
  // A literal pattern means itself alone.
  const auto literal = read_path(input);
  const auto* other = std::get_if<std::string>(&literal);
  if (other != nullptr && other->find('*') == std::string::npos)
    MUST(carrel::decide::matches_path(*other, *canonical) == (*other == *canonical));
}
