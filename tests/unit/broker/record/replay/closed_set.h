#pragma once
// The sequences that a frame may hold, and no others; for tests only.

#include <string>
#include <string_view>

namespace carrel::replay {

/// Takes one allowed sequence from the front: cursor position, SGR, clear, or one of the few modes.
inline bool take_sequence(std::string_view* bytes) {
  for (const std::string_view fixed : {"\x1b[2J", "\x1b[?25l", "\x1b[?25h", "\x1b[?7l", "\x1b[?7h",
                                       "\x1b[?1049h", "\x1b[?1049l"}) {
    if (!bytes->starts_with(fixed)) continue;
    bytes->remove_prefix(fixed.size());
    return true;
  }
  if (!bytes->starts_with("\x1b[")) return false;
  const size_t end = bytes->find_first_not_of("0123456789;", 2);
  if (end == std::string_view::npos || end == 2) return false;
  if ((*bytes)[end] != 'm' && (*bytes)[end] != 'H') return false;
  bytes->remove_prefix(end + 1);
  return true;
}

/// The first bytes that are neither an allowed sequence nor printable, "" where all are.
inline std::string first_outside(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto byte = static_cast<unsigned char>(bytes[0]);
    if (byte == 0x1b) {
      if (!take_sequence(&bytes)) return std::string(bytes.substr(0, 16));
      continue;
    }
    const bool c1 = byte == 0xC2 && bytes.size() > 1 && static_cast<unsigned char>(bytes[1]) < 0xA0;
    if (byte < 0x20 || byte == 0x7F || c1) return std::string(bytes.substr(0, 16));
    bytes.remove_prefix(1);
  }
  return "";
}

}  // namespace carrel::replay
