#include "broker/record/evidence/merkle.h"

#include <gtest/gtest.h>

#include "broker/record/evidence/leaf.h"
#include "broker/record/evidence/salt.h"
#include "tests/unit/broker/record/evidence/vectors.h"

namespace carrel::evidence {
namespace {

std::vector<Digest> classic_hashes(size_t count) {
  const auto vectors = load_vectors("evidence.json");
  Sha256 sha;
  std::vector<Digest> hashes;
  for (size_t i = 0; i < count; ++i)
    hashes.push_back(leaf_hash(sha, unhex(vectors["classic_leaves_hex"][i])));
  return hashes;
}

std::vector<Digest> many_hashes(size_t count) {
  Sha256 sha;
  std::vector<Digest> hashes;
  for (size_t i = 0; i < count; ++i)
    hashes.push_back(leaf_hash(sha, "leaf " + std::to_string(i)));
  return hashes;
}

Digest root_of(const std::vector<Digest>& hashes, size_t size) {
  Sha256 sha;
  CompactTree tree;
  for (size_t i = 0; i < size; ++i)
    tree.append(sha, hashes[i]);
  return tree.root(sha);
}

TEST(Sha256, ReusedContextEqualsOneShot) {
  Sha256 sha;
  EXPECT_EQ(to_hex(as_view(sha.of("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  sha.update("a");
  EXPECT_EQ(sha.so_far(), sha256("a"));
  sha.update("bc");
  EXPECT_EQ(sha.finish(), sha256("abc"));
  EXPECT_EQ(sha.of(""), sha256(""));
}

TEST(Merkle, ClassicLeavesAndRoots) {
  const auto vectors = load_vectors("evidence.json");
  const auto hashes = classic_hashes(8);
  for (size_t i = 0; i < 8; ++i)
    EXPECT_EQ(hashes[i], digest_of_hex(vectors["classic_leaf_hashes_hex"][i])) << i;
  for (size_t size = 0; size <= 8; ++size)
    EXPECT_EQ(root_of(hashes, size), digest_of_hex(vectors["roots_by_size_hex"][size])) << size;
}

TEST(Merkle, SingleHashVectorsOfRfc6962) {
  Sha256 sha;
  EXPECT_EQ(to_hex(as_view(leaf_hash(sha, "L123456"))),
            "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56");
}

TEST(Merkle, ClassicInclusionProofs) {
  const auto vectors = load_vectors("evidence.json");
  const auto hashes = classic_hashes(8);
  size_t seen = 0;
  for (const auto& [name, expected] : vectors["inclusion_proofs_hex"].items()) {
    const size_t slash = name.find('/');
    const size_t index = std::stoul(name.substr(0, slash));
    const size_t size = std::stoul(name.substr(slash + 1));
    const auto proof = inclusion_proof(std::span(hashes).first(size), index);
    ASSERT_EQ(proof.size(), expected.size()) << name;
    for (size_t i = 0; i < proof.size(); ++i)
      EXPECT_EQ(proof[i], digest_of_hex(expected[i])) << name;
    EXPECT_TRUE(verify_inclusion(index, size, hashes[index], proof, root_of(hashes, size)).ok());
    ++seen;
  }
  EXPECT_GE(seen, 36U);
}

TEST(Merkle, InclusionRejectsEveryOtherIndexSizeAndLength) {
  const auto hashes = many_hashes(21);
  for (size_t size = 1; size <= 21; ++size) {
    const Digest root = root_of(hashes, size);
    for (size_t index = 0; index < size; ++index) {
      const auto proof = inclusion_proof(std::span(hashes).first(size), index);
      ASSERT_TRUE(verify_inclusion(index, size, hashes[index], proof, root).ok());
      for (size_t other = 0; other <= size; ++other) {
        if (other != index) {
          EXPECT_FALSE(verify_inclusion(other, size, hashes[index], proof, root).ok());
        }
      }
      auto longer = proof;
      longer.push_back(root);
      EXPECT_FALSE(verify_inclusion(index, size, hashes[index], longer, root).ok());
      if (!proof.empty()) {
        const std::span<const Digest> shorter(proof.data(), proof.size() - 1);
        EXPECT_FALSE(verify_inclusion(index, size, hashes[index], shorter, root).ok());
      }
    }
  }
  // "index 5 with size 4" of the known-answer notes, and the empty tree.
  EXPECT_FALSE(verify_inclusion(5, 4, hashes[3], {}, root_of(hashes, 4)).ok());
  EXPECT_FALSE(verify_inclusion(0, 0, hashes[0], {}, root_of(hashes, 0)).ok());
  EXPECT_FALSE(verify_inclusion(UINT64_MAX - 1, UINT64_MAX, hashes[0], {}, hashes[0]).ok());
}

TEST(Merkle, ConsistencyOfEveryPairAndItsDamage) {
  const auto hashes = many_hashes(19);
  for (size_t newer = 1; newer <= 19; ++newer) {
    for (size_t older = 1; older <= newer; ++older) {
      const auto proof = consistency_proof(std::span(hashes).first(newer), older);
      const TreeHead from{older, root_of(hashes, older)};
      const TreeHead to{newer, root_of(hashes, newer)};
      ASSERT_TRUE(verify_consistency(from, to, proof).ok()) << older << " " << newer;
      auto longer = proof;
      longer.push_back(to.root);
      EXPECT_FALSE(verify_consistency(from, to, longer).ok());
      for (size_t i = 0; i < proof.size(); ++i) {
        auto damaged = proof;
        damaged[i][7] ^= 1;
        EXPECT_FALSE(verify_consistency(from, to, damaged).ok());
      }
      if (older == newer) continue;
      EXPECT_FALSE(verify_consistency(to, from, proof).ok());
      EXPECT_FALSE(verify_consistency({older, to.root}, to, proof).ok());
    }
  }
  EXPECT_FALSE(verify_consistency({0, root_of(hashes, 0)}, {5, root_of(hashes, 5)}, {}).ok());
}

TEST(Leaf, KnownAnswerD) {
  const auto kat = load_vectors("evidence.json")["kat_d"];
  Sha256 sha;
  const std::string payload = kat["payload"];
  Leaf leaf{.type = 0x0101,
            .flags = 1,
            .seq = 3,
            .mono_ns = 1234567890,
            .real_ns = 1700000000123456789,
            .actor = 42,
            .payload_size = static_cast<uint32_t>(payload.size()),
            .rule = {},
            .commitment = {}};
  leaf.commitment = commitment(sha, to_array<16>(unhex(kat["salt_hex"])), payload);
  EXPECT_EQ(leaf.commitment, digest_of_hex(kat["commitment_hex"]));
  const auto bytes = encode_leaf(leaf);
  EXPECT_EQ(to_hex(as_view(bytes)), kat["leaf_hex"]);
  EXPECT_EQ(leaf_hash(sha, as_view(bytes)), digest_of_hex(kat["leaf_hash_hex"]));
  EXPECT_EQ(parse_leaf(as_view(bytes)).value(), leaf);
  EXPECT_FALSE(parse_leaf(as_view(bytes).substr(1)).ok());
  std::string wrong(as_view(bytes));
  wrong[3] = '2';
  EXPECT_FALSE(parse_leaf(wrong).ok());
}

TEST(Leaf, RuleIdIsAPrefixOfItsHash) {
  Sha256 sha;
  EXPECT_EQ(rule_id(sha, ""), RuleId{});
  EXPECT_EQ(to_hex(as_view(rule_id(sha, "abc"))), "ba7816bf8f01cfea414140de5dae2223");
}

TEST(Salt, VectorsMadeWithPython) {
  Sha256 sha;
  size_t seen = 0;
  const auto vectors = load_vectors("salts.json");
  for (const auto& entry : vectors["roots"]) {
    const Digest root = digest_of_hex(entry["root_hex"]);
    const auto salts = derive_salts(sha, root);
    std::string all;
    for (const Salt& salt : salts)
      all += as_view(salt);
    EXPECT_EQ(to_hex(as_view(sha256(all))), entry["sha256_of_all_256_salts_hex"]);
    for (const auto& [index, hex] : entry["salts_hex"].items()) {
      const auto i = static_cast<uint8_t>(std::stoul(index));
      EXPECT_EQ(to_hex(as_view(salts[i])), hex);
      EXPECT_EQ(derive_salt(sha, root, i), salts[i]);
      ++seen;
    }
  }
  EXPECT_EQ(seen, 27U);
}

}  // namespace
}  // namespace carrel::evidence
