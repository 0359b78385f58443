#pragma once
// Big-endian numbers and varints of the record's byte formats. Readers are strict and never run
// over.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace carrel::segments {

template <typename T>
void put_big_endian(std::string* out, T value) {
  for (size_t i = sizeof(T); i-- > 0;)
    out->push_back(static_cast<char>(value >> (8 * i) & 0xFF));
}

/// The number at `at`; the caller has checked that its bytes are there.
template <typename T>
T get_big_endian(std::string_view bytes, size_t at) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>(value << 8 | static_cast<unsigned char>(bytes[at + i]));
  return value;
}

/// Seven bits a byte, lowest first, high bit set on all but the last.
inline void put_varint(std::string* out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out->push_back(static_cast<char>((value & 0x7F) | 0x80));
  out->push_back(static_cast<char>(value));
}

/// Takes a varint off the front; nothing when it breaks off, is not the shortest or exceeds 64
/// bits.
inline std::optional<uint64_t> take_varint(std::string_view* bytes) {
  uint64_t value = 0;
  for (unsigned i = 0; i < 10 && i < bytes->size(); ++i) {
    const auto byte = static_cast<unsigned char>((*bytes)[i]);
    if (i == 9 && byte > 1) return std::nullopt;
    value |= static_cast<uint64_t>(byte & 0x7F) << (7 * i);
    if ((byte & 0x80) != 0) continue;
    if (byte == 0 && i != 0) return std::nullopt;
    bytes->remove_prefix(i + 1);
    return value;
  }
  return std::nullopt;
}

/// A difference modulo 2^64 as a small number: 0, -1, 1, -2 … become 0, 1, 2, 3 …
inline uint64_t zigzag(uint64_t difference) {
  return difference << 1 ^ (0 - (difference >> 63));
}
inline uint64_t unzigzag(uint64_t value) {
  return value >> 1 ^ (0 - (value & 1));
}

}  // namespace carrel::segments
