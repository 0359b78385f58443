#pragma once
// The pkt-line framing of git's protocols (gitprotocol-common(5)). Pure.

#include <string_view>
#include <variant>

#include "launcher/gateway/http/refusal.h"

namespace carrel::gateway::http {

struct PktLine {
  enum class Kind { kData, kFlush, kDelimiter };
  Kind kind = Kind::kData;
  std::string_view text;  // of kData: as it came, in the bytes that were read
  size_t size = 0;        // with its four digits

  /// Without one line feed at its end.
  [[nodiscard]] std::string_view line() const;
};

/// The first packet of `bytes`. Refused ("git-packet"): a length that is none, or above 65520, and
/// the marker of a response's end, which no request has.
std::variant<NeedMore, Refusal, PktLine> next_packet(std::string_view bytes);

/// 40 or 64 lower-case hexadecimal digits.
bool is_object_id(std::string_view text);

}  // namespace carrel::gateway::http
