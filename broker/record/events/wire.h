#pragma once
// Protobuf's wire format read strictly: shortest varints only, and never past the end.

#include <cstdint>
#include <optional>
#include <string_view>

namespace carrel::events {

class Wire {
 public:
  static constexpr uint64_t kVarint = 0;
  static constexpr uint64_t kBytes = 2;

  explicit Wire(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] bool done() const { return bytes_.empty(); }

  std::optional<uint64_t> varint() {
    uint64_t value = 0;
    for (unsigned i = 0; i < 10 && i < bytes_.size(); ++i) {
      const auto byte = static_cast<unsigned char>(bytes_[i]);
      if (i == 9 && byte > 1) return std::nullopt;
      value |= static_cast<uint64_t>(byte & 0x7F) << (7 * i);
      if ((byte & 0x80) != 0) continue;
      if (byte == 0 && i != 0) return std::nullopt;
      bytes_.remove_prefix(i + 1);
      return value;
    }
    return std::nullopt;
  }

  std::optional<std::string_view> bytes() {
    const auto size = varint();
    if (!size || *size > bytes_.size()) return std::nullopt;
    const std::string_view out = bytes_.substr(0, *size);
    bytes_.remove_prefix(*size);
    return out;
  }

 private:
  std::string_view bytes_;
};

}  // namespace carrel::events
