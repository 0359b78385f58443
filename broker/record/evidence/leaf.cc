#include "broker/record/evidence/leaf.h"

#include <cstring>

namespace carrel::evidence {
namespace {

constexpr std::string_view kMagic = "CRL1";

template <typename T>
uint8_t* put(uint8_t* to, T value) {
  for (size_t i = sizeof(T); i-- > 0;)
    *to++ = static_cast<uint8_t>(value >> (8 * i));
  return to;
}

template <typename T>
T get(const uint8_t*& from) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>(value << 8 | *from++);
  return value;
}

}  // namespace

std::array<uint8_t, kLeafSize> encode_leaf(const Leaf& leaf) {
  std::array<uint8_t, kLeafSize> out;
  std::memcpy(out.data(), kMagic.data(), kMagic.size());
  uint8_t* to = out.data() + kMagic.size();
  to = put(to, leaf.type);
  to = put(to, leaf.flags);
  to = put(to, leaf.seq);
  to = put(to, leaf.mono_ns);
  to = put(to, leaf.real_ns);
  to = put(to, leaf.actor);
  to = put(to, leaf.payload_size);
  std::memcpy(to, leaf.rule.data(), leaf.rule.size());
  std::memcpy(to + leaf.rule.size(), leaf.commitment.data(), leaf.commitment.size());
  return out;
}

Result<Leaf> parse_leaf(std::string_view bytes) {
  if (bytes.size() != kLeafSize) return Error{"leaf is not 88 bytes"};
  if (!bytes.starts_with(kMagic)) return Error{"leaf does not begin with CRL1"};
  const auto* from = reinterpret_cast<const uint8_t*>(bytes.data()) + kMagic.size();
  Leaf leaf;
  leaf.type = get<uint16_t>(from);
  leaf.flags = get<uint16_t>(from);
  leaf.seq = get<uint64_t>(from);
  leaf.mono_ns = get<uint64_t>(from);
  leaf.real_ns = get<uint64_t>(from);
  leaf.actor = get<uint32_t>(from);
  leaf.payload_size = get<uint32_t>(from);
  std::memcpy(leaf.rule.data(), from, leaf.rule.size());
  std::memcpy(leaf.commitment.data(), from + leaf.rule.size(), leaf.commitment.size());
  return leaf;
}

Digest commitment(Sha256& sha, const Salt& salt, std::string_view payload) {
  std::array<char, 17> head;
  head[0] = 2;
  std::memcpy(head.data() + 1, salt.data(), salt.size());
  sha.update({head.data(), head.size()});
  return sha.of(payload);
}

RuleId rule_id(Sha256& sha, std::string_view id) {
  RuleId out{};
  if (id.empty()) return out;
  const Digest digest = sha.of(id);
  std::memcpy(out.data(), digest.data(), out.size());
  return out;
}

}  // namespace carrel::evidence
