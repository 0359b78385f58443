#pragma once
// The salts of 256 leaves, derived from one random root, so that 32 stored bytes hide 256 payloads
// and one leaf can still be forgotten (the root is then replaced by the sibling nodes on its path).

#include <array>
#include <cstdint>

#include "broker/record/evidence/sha256.h"

namespace carrel::evidence {

constexpr uint64_t kLeavesPerSaltRoot = 256;
using Salt = std::array<uint8_t, 16>;

/// Child b of node n = SHA-256(0x10 || b || n); salt i = the first 16 bytes of the node that the
/// eight bits of i lead to, most significant first. 510 hashes for 256 salts.
std::array<Salt, kLeavesPerSaltRoot> derive_salts(Sha256& sha, const Digest& root);
/// One of them: eight hashes.
Salt derive_salt(Sha256& sha, const Digest& root, uint8_t index);

}  // namespace carrel::evidence
