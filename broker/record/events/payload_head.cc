#include "broker/record/events/payload_head.h"

#include <optional>

namespace carrel::events {
namespace {

/// Protobuf's wire format, as much of it as the head needs (varints and length-delimited fields).
class Wire {
 public:
  explicit Wire(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] bool done() const { return bytes_.empty(); }
  std::optional<uint64_t> varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !bytes_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes_.front());
      bytes_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if ((byte & 0x80) == 0) return value;
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

constexpr uint64_t kVarint = 0;
constexpr uint64_t kBytes = 2;
constexpr uint64_t tag(uint64_t field, uint64_t wire) {
  return field << 3 | wire;
}

std::optional<uint32_t> actor_of(std::string_view process) {
  Wire wire(process);
  if (wire.done()) return 0;
  if (wire.varint() != tag(1, kVarint)) return 0;  // another field first: id is 0 and left out
  const auto id = wire.varint();
  if (!id || *id > UINT32_MAX) return std::nullopt;
  return static_cast<uint32_t>(*id);
}

}  // namespace

Result<PayloadHead> read_payload_head(std::string_view payload) {
  const Error malformed{"event payload is malformed"};
  PayloadHead head;
  Wire wire(payload);
  uint64_t last = 0;
  while (!wire.done()) {
    const auto key = wire.varint();
    if (!key || *key <= last) return malformed;
    last = *key;
    if (*key == tag(1, kVarint)) {
      const auto verdict = wire.varint();
      if (!verdict || *verdict > 3) return malformed;
      head.verdict = static_cast<uint32_t>(*verdict);
    } else if (*key == tag(2, kBytes) || *key == tag(3, kBytes)) {
      const auto text = wire.bytes();
      if (!text) return malformed;
      if (*key == tag(2, kBytes)) head.rule = *text;
    } else if (*key == tag(4, kBytes)) {
      const auto process = wire.bytes();
      const auto actor = process ? actor_of(*process) : std::nullopt;
      if (!actor) return malformed;
      head.actor = *actor;
      break;
    } else if (*key > tag(4, kBytes)) {
      break;
    } else {
      return malformed;
    }
  }
  if (head.verdict == 0) return malformed;
  return head;
}

}  // namespace carrel::events
