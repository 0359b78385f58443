#pragma once
// The 88 bytes of an event that are hashed into the session's tree. Nothing personal is in them:
// the payload stands behind a salted commitment.

#include <array>
#include <cstdint>
#include <string_view>

#include "broker/record/evidence/salt.h"
#include "broker/record/evidence/sha256.h"
#include "profiles/base/result.h"

namespace carrel::evidence {

constexpr size_t kLeafSize = 88;
using RuleId = std::array<uint8_t, 16>;

struct Leaf {
  uint16_t type = 0;
  uint16_t flags = 0;  // the verdict
  uint64_t seq = 0;    // = leaf index
  uint64_t mono_ns = 0;
  uint64_t real_ns = 0;
  uint32_t actor = 0;  // the process's number within the session
  uint32_t payload_size = 0;
  RuleId rule{};
  Digest commitment{};
  bool operator==(const Leaf&) const = default;
};

/// "CRL1", then the fields in this order, big-endian.
std::array<uint8_t, kLeafSize> encode_leaf(const Leaf& leaf);
Result<Leaf> parse_leaf(std::string_view bytes);

/// SHA-256(0x02 || salt || payload).
Digest commitment(Sha256& sha, const Salt& salt, std::string_view payload);
/// The first 16 bytes of SHA-256(id); zeros for "".
RuleId rule_id(Sha256& sha, std::string_view id);

}  // namespace carrel::evidence
