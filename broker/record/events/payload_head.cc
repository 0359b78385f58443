#include "broker/record/events/payload_head.h"

#include <optional>

#include "broker/record/events/wire.h"

namespace carrel::events {
namespace {

constexpr uint64_t tag(uint64_t field, uint64_t wire) {
  return field << 3 | wire;
}

std::optional<uint32_t> actor_of(std::string_view process) {
  Wire wire(process);
  if (wire.done()) return 0;
  if (wire.varint() != tag(1, Wire::kVarint))
    return 0;  // another field first: id is 0 and left out
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
    if (*key == tag(1, Wire::kVarint)) {
      const auto verdict = wire.varint();
      if (!verdict || *verdict > 3) return malformed;
      head.verdict = static_cast<uint32_t>(*verdict);
    } else if (*key == tag(2, Wire::kBytes) || *key == tag(3, Wire::kBytes)) {
      const auto text = wire.bytes();
      if (!text) return malformed;
      if (*key == tag(2, Wire::kBytes)) head.rule = *text;
    } else if (*key == tag(4, Wire::kBytes)) {
      const auto process = wire.bytes();
      const auto actor = process ? actor_of(*process) : std::nullopt;
      if (!actor) return malformed;
      head.actor = *actor;
      break;
    } else if (*key > tag(4, Wire::kBytes)) {
      break;
    } else {
      return malformed;
    }
  }
  if (head.verdict == 0) return malformed;
  return head;
}

}  // namespace carrel::events
