#pragma once
// RFC 6962 section 2.1 trees over SHA-256: append, root, inclusion and consistency proofs.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "broker/record/evidence/sha256.h"
#include "profiles/base/result.h"

namespace carrel::evidence {

/// SHA-256(0x00 || leaf).
Digest leaf_hash(Sha256& sha, std::string_view leaf);
/// SHA-256(0x01 || left || right).
Digest node_hash(Sha256& sha, const Digest& left, const Digest& right);

/// A growing tree that keeps one hash per set bit of its size (a compact range).
class CompactTree {
 public:
  /// Appends the hash of the next leaf (leaf_hash(), not the leaf itself).
  void append(Sha256& sha, const Digest& hash_of_leaf);
  [[nodiscard]] uint64_t size() const { return size_; }
  /// The root over all leaves so far; of no leaves SHA-256("").
  [[nodiscard]] Digest root(Sha256& sha) const;

 private:
  uint64_t size_ = 0;
  std::vector<Digest> stack_;
};

/// PATH(index, leaves), leaf's sibling first. `index` must be below the number of leaf hashes.
std::vector<Digest> inclusion_proof(std::span<const Digest> leaf_hashes, uint64_t index);
/// PROOF(old_size, leaves); old_size in 1 … leaves.
std::vector<Digest> consistency_proof(std::span<const Digest> leaf_hashes, uint64_t old_size);

/// RFC 9162 2.1.3.2. The proof's length is checked before anything is hashed.
Status verify_inclusion(uint64_t index, uint64_t size, const Digest& hash_of_leaf,
                        std::span<const Digest> proof, const Digest& root);

struct TreeHead {
  uint64_t size = 0;
  Digest root{};
};
/// RFC 9162 2.1.4.2, strict: an old size of 0 is an error, equal sizes need an empty proof.
Status verify_consistency(const TreeHead& older, const TreeHead& newer,
                          std::span<const Digest> proof);

}  // namespace carrel::evidence
