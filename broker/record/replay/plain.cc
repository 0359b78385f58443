#include "broker/record/replay/plain.h"

#include <algorithm>

#include "profiles/base/text.h"

namespace carrel::replay {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// The bytes of the character that the first one announces, as far as they are there.
size_t announced_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const size_t length = lead < 0xC0 ? 1U : lead < 0xE0 ? 2U : lead < 0xF0 ? 3U : 4U;
  return std::min(length, text.size());
}

}  // namespace

std::string plain_line(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const size_t end = std::min(bytes.find_first_of("\\\t"), bytes.size());
    out += quoted(bytes.substr(0, end));
    if (end < bytes.size()) out += bytes[end];
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  return out;
}

std::string plain_cell(std::string_view utf8) {
  std::string out;
  while (!utf8.empty()) {
    const std::string_view one = utf8.substr(0, announced_length(utf8));
    const bool whole = is_utf8(one);
    // quoted() knows what is unsafe to show; a backslash is the one safe thing that it escapes.
    out += whole && (one == "\\" || quoted(one) == one) ? one : kReplacement;
    utf8.remove_prefix(whole ? one.size() : 1);
  }
  return out;
}

}  // namespace carrel::replay
