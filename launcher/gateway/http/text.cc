#include "launcher/gateway/http/text.h"

#include <algorithm>

namespace carrel::gateway::http {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_visible(char c) {
  return c > 0x20 && c < 0x7f;
}

bool is_token_character(char c) {
  if (is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return true;
  return c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_character);
}

std::optional<int> hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool same_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && lower_case(a) == lower_case(b);
}

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool list_has(std::string_view list, std::string_view member) {
  while (true) {
    const size_t comma = list.find(',');
    if (same_ignoring_case(trimmed(list.substr(0, comma)), member)) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
}

std::optional<uint64_t> plain_number(std::string_view text) {
  if (text.empty() || text.size() > 18 || !std::all_of(text.begin(), text.end(), is_digit))
    return std::nullopt;
  if (text.size() > 1 && text[0] == '0') return std::nullopt;
  uint64_t number = 0;
  for (const char c : text)
    number = number * 10 + static_cast<uint64_t>(c - '0');
  return number;
}

std::variant<NeedMore, Refusal, std::string_view> next_line(std::string_view rest) {
  for (size_t i = 0; i < rest.size(); ++i) {
    const char c = rest[i];
    if (c == '\r') {
      if (i + 1 == rest.size()) return NeedMore{};
      if (rest[i + 1] == '\n') return rest.substr(0, i);
      return Refusal{400, "bare-cr", "a line has a carriage return that ends nothing"};
    }
    if (c == '\n') return Refusal{400, "bare-lf", "a line ends without its carriage return"};
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t') || byte == 0x7f)
      return Refusal{400, "control-byte", "a line has a control byte"};
  }
  return NeedMore{};
}

}  // namespace carrel::gateway::http
