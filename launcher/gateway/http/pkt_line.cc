#include "launcher/gateway/http/pkt_line.h"

#include <algorithm>

#include "launcher/gateway/http/text.h"

namespace carrel::gateway::http {
namespace {

constexpr size_t kDigits = 4;
constexpr size_t kMaxPacket = 65520;

}  // namespace

std::string_view PktLine::line() const {
  return text.ends_with('\n') ? text.substr(0, text.size() - 1) : text;
}

std::variant<NeedMore, Refusal, PktLine> next_packet(std::string_view bytes) {
  const Refusal refused{403, "git-packet", "the body is not in git's packets"};
  size_t size = 0;
  for (size_t i = 0; i < kDigits; ++i) {
    if (i == bytes.size()) return NeedMore{};
    const auto digit = hex_value(bytes[i]);
    if (!digit) return refused;
    size = size * 16 + static_cast<size_t>(*digit);
  }
  if (size == 0) return PktLine{PktLine::Kind::kFlush, {}, kDigits};
  if (size == 1) return PktLine{PktLine::Kind::kDelimiter, {}, kDigits};
  if (size < kDigits || size > kMaxPacket) return refused;
  if (bytes.size() < size) return NeedMore{};
  return PktLine{PktLine::Kind::kData, bytes.substr(kDigits, size - kDigits), size};
}

bool is_object_id(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

}  // namespace carrel::gateway::http
