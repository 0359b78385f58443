#include "broker/wire/ssh/bytes.h"

namespace carrel::ssh {

void put_u32(std::string& out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8)
    out += static_cast<char>(value >> shift & 0xff);
}

void put_u64(std::string& out, uint64_t value) {
  put_u32(out, static_cast<uint32_t>(value >> 32));
  put_u32(out, static_cast<uint32_t>(value & 0xffffffff));
}

void put_string(std::string& out, std::string_view bytes) {
  put_u32(out, static_cast<uint32_t>(bytes.size()));
  out += bytes;
}

std::string_view Reader::take(size_t count) {
  if (failed_ || rest_.size() < count) {
    failed_ = true;
    return {};
  }
  const std::string_view taken = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return taken;
}

uint32_t Reader::u32() {
  uint32_t value = 0;
  for (const char byte : take(4))
    value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

}  // namespace carrel::ssh
