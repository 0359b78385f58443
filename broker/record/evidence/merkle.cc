#include "broker/record/evidence/merkle.h"

#include <bit>
#include <cstring>
#include <string>

#include "profiles/base/check.h"

namespace carrel::evidence {
namespace {

/// The largest power of two below n (n >= 2).
uint64_t split_point(uint64_t n) {
  return std::bit_floor(n - 1);
}

Digest subtree_root(Sha256& sha, std::span<const Digest> leaves) {
  if (leaves.empty()) return sha.of("");
  CompactTree tree;
  for (const Digest& leaf : leaves)
    tree.append(sha, leaf);
  return tree.root(sha);
}

void add_path(Sha256& sha, std::span<const Digest> leaves, uint64_t index,
              std::vector<Digest>* out) {
  if (leaves.size() == 1) return;
  const uint64_t k = split_point(leaves.size());
  if (index < k) {
    add_path(sha, leaves.first(k), index, out);
    out->push_back(subtree_root(sha, leaves.subspan(k)));
  } else {
    add_path(sha, leaves.subspan(k), index - k, out);
    out->push_back(subtree_root(sha, leaves.first(k)));
  }
}

/// SUBPROOF of RFC 6962 2.1.2; `whole` says that the old tree is a complete subtree here.
void add_subproof(Sha256& sha, std::span<const Digest> leaves, uint64_t old_size, bool whole,
                  std::vector<Digest>* out) {
  if (old_size == leaves.size()) {
    if (!whole) out->push_back(subtree_root(sha, leaves));
    return;
  }
  const uint64_t k = split_point(leaves.size());
  if (old_size <= k) {
    add_subproof(sha, leaves.first(k), old_size, whole, out);
    out->push_back(subtree_root(sha, leaves.subspan(k)));
  } else {
    add_subproof(sha, leaves.subspan(k), old_size - k, false, out);
    out->push_back(subtree_root(sha, leaves.first(k)));
  }
}

/// The position of a proof's next node: fn and sn of RFC 9162.
struct Walk {
  uint64_t first;
  uint64_t last;

  /// True when the next node stands on the left.
  [[nodiscard]] bool joins_left() const { return (first & 1) != 0 || first == last; }
  void skip_missing_levels() {
    while ((first & 1) == 0 && first != 0)
      rise();
  }
  void rise() {
    first >>= 1;
    last >>= 1;
  }
};

}  // namespace

Digest leaf_hash(Sha256& sha, std::string_view leaf) {
  sha.update(std::string_view("\0", 1));
  return sha.of(leaf);
}

Digest node_hash(Sha256& sha, const Digest& left, const Digest& right) {
  std::array<char, 65> message;
  message[0] = 1;
  std::memcpy(message.data() + 1, left.data(), left.size());
  std::memcpy(message.data() + 33, right.data(), right.size());
  return sha.of({message.data(), message.size()});
}

void CompactTree::append(Sha256& sha, const Digest& hash_of_leaf) {
  Digest hash = hash_of_leaf;
  for (uint64_t i = size_; (i & 1) != 0; i >>= 1) {
    hash = node_hash(sha, stack_.back(), hash);
    stack_.pop_back();
  }
  stack_.push_back(hash);
  ++size_;
}

Digest CompactTree::root(Sha256& sha) const {
  if (stack_.empty()) return sha.of("");
  Digest root = stack_.back();
  for (size_t i = stack_.size() - 1; i-- > 0;)
    root = node_hash(sha, stack_[i], root);
  return root;
}

std::vector<Digest> inclusion_proof(std::span<const Digest> leaf_hashes, uint64_t index) {
  CHECK(index < leaf_hashes.size());
  Sha256 sha;
  std::vector<Digest> proof;
  add_path(sha, leaf_hashes, index, &proof);
  return proof;
}

std::vector<Digest> consistency_proof(std::span<const Digest> leaf_hashes, uint64_t old_size) {
  CHECK(old_size >= 1 && old_size <= leaf_hashes.size());
  Sha256 sha;
  std::vector<Digest> proof;
  add_subproof(sha, leaf_hashes, old_size, true, &proof);
  return proof;
}

Status verify_inclusion(uint64_t index, uint64_t size, const Digest& hash_of_leaf,
                        std::span<const Digest> proof, const Digest& root) {
  if (index >= size) return Error{"inclusion proof: index is not below the size"};
  const auto inner = static_cast<int>(std::bit_width(index ^ (size - 1)));
  const int border = inner >= 64 ? 0 : std::popcount(index >> inner);
  if (proof.size() != static_cast<size_t>(inner + border))
    return Error{"inclusion proof: wrong length"};
  Sha256 sha;
  Digest hash = hash_of_leaf;
  Walk walk{index, size - 1};
  for (const Digest& node : proof) {
    if (walk.last == 0) return Error{"inclusion proof: too long"};
    if (walk.joins_left()) {
      hash = node_hash(sha, node, hash);
      walk.skip_missing_levels();
    } else {
      hash = node_hash(sha, hash, node);
    }
    walk.rise();
  }
  if (walk.last != 0 || hash != root) return Error{"inclusion proof: root does not match"};
  return Done{};
}

Status verify_consistency(const TreeHead& older, const TreeHead& newer,
                          std::span<const Digest> proof) {
  if (older.size == 0 || older.size > newer.size)
    return Error{"consistency proof: sizes do not grow"};
  if (older.size == newer.size) {
    if (!proof.empty() || older.root != newer.root)
      return Error{"consistency proof: equal sizes need equal roots and no proof"};
    return Done{};
  }
  if (proof.empty() || proof.size() > 128) return Error{"consistency proof: wrong length"};
  std::span<const Digest> rest = proof;
  Digest seed = older.root;
  if (!std::has_single_bit(older.size)) {
    seed = proof.front();
    rest = proof.subspan(1);
  }
  Sha256 sha;
  Walk walk{older.size - 1, newer.size - 1};
  while ((walk.first & 1) != 0)
    walk.rise();
  Digest old_root = seed;
  Digest new_root = seed;
  for (const Digest& node : rest) {
    if (walk.last == 0) return Error{"consistency proof: too long"};
    if (walk.joins_left()) {
      old_root = node_hash(sha, node, old_root);
      new_root = node_hash(sha, node, new_root);
      walk.skip_missing_levels();
    } else {
      new_root = node_hash(sha, new_root, node);
    }
    walk.rise();
  }
  if (walk.last != 0 || old_root != older.root || new_root != newer.root)
    return Error{"consistency proof: root does not match"};
  return Done{};
}

}  // namespace carrel::evidence
