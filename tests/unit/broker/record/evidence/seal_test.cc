#include "broker/record/evidence/seal.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "broker/record/evidence/note.h"
#include "tests/unit/broker/record/evidence/vectors.h"

namespace carrel::evidence {
namespace {

constexpr char kOrigin[] = "carrel.test/session/01HZX";

SeedSource seeds_from(char first) {
  return [next = first]() mutable -> Result<Secret> { return seed_of(next++); };
}

Digest root_at(size_t size) {
  return digest_of_hex(load_vectors("evidence.json")["roots_by_size_hex"][size]);
}

TEST(SealChain, ReproducesKnownAnswerB) {
  const auto vectors = load_vectors("evidence.json");
  const auto expected = vectors["kat_b"]["seal_notes"];
  auto chain = SealChain::start(kOrigin, seeds_from(0x10), SealChain::FirstKey::kKnownElsewhere);
  ASSERT_TRUE(chain.ok());
  SealChain seals = chain.take();
  EXPECT_EQ(seals.seal({0, root_at(0), 0, SealState::kOpen}).value(), expected[0]);
  EXPECT_EQ(seals.seal({5, root_at(5), 0, SealState::kRunning}).value(), expected[1]);
  EXPECT_EQ(seals.seal({8, root_at(8), 0, SealState::kClosed}).value(), expected[2]);
  EXPECT_TRUE(seals.closed());
  EXPECT_FALSE(seals.seal({9, root_at(8), 0, SealState::kRunning}).ok());
}

TEST(Seal, KnownAnswerBParsesVerifiesAndHashes) {
  const auto vectors = load_vectors("evidence.json");
  Sha256 sha;
  Digest prev{};
  for (size_t i = 0; i < 3; ++i) {
    const std::string bytes = vectors["kat_b"]["seal_notes"][i];
    EXPECT_EQ(leaf_hash(sha, bytes), digest_of_hex(vectors["kat_b"]["ledger_leaf_hashes_hex"][i]));
    const Note note = parse_note(bytes).take();
    const auto key = parse_vkey(vectors["segment_vkeys"][i].get<std::string>()).take();
    EXPECT_EQ(check_signature(note, key), SignatureState::kGood);
    // Seal 2 must not pass with key 1, whatever else is right.
    const auto other = parse_vkey(vectors["segment_vkeys"][(i + 2) % 3].get<std::string>()).take();
    EXPECT_NE(check_signature(note, other), SignatureState::kGood);
    const Seal seal = parse_seal(note.text).take();
    EXPECT_EQ(seal.index, i);
    EXPECT_EQ(seal.prev.has_value(), i > 0);
    if (i > 0) {
      EXPECT_EQ(*seal.prev, prev);
    }
    prev = sha256(note.text);
  }
}

TEST(Seal, FirstSealCarriesItsOwnKey) {
  SealChain seals = SealChain::start(session_origin("01k"), seeds_from(1)).take();
  const Note note = parse_note(seals.seal({0, sha256(""), 0, SealState::kOpen}).value()).take();
  const Seal seal = parse_seal(note.text).take();
  ASSERT_TRUE(seal.key.has_value());
  EXPECT_EQ(seal.origin, "carrel.local/session/01k");
  EXPECT_EQ(check_signature(note, make_vkey(seal.origin, *seal.key)), SignatureState::kGood);
  const Note second =
      parse_note(seals.seal({1, sha256("x"), 0, SealState::kRunning}).value()).take();
  EXPECT_FALSE(parse_seal(second.text).value().key.has_value());
  EXPECT_EQ(check_signature(second, make_vkey(seal.origin, *seal.next)), SignatureState::kGood);
}

TEST(SealChain, RefusesToGoBackwards) {
  SealChain seals = SealChain::start(kOrigin, seeds_from(1)).take();
  EXPECT_FALSE(seals.seal({0, {}, 0, SealState::kRunning}).ok());
  ASSERT_TRUE(seals.seal({0, {}, 0, SealState::kOpen}).ok());
  EXPECT_FALSE(seals.seal({0, {}, 0, SealState::kOpen}).ok());
  ASSERT_TRUE(seals.seal({5, {}, 2, SealState::kRunning}).ok());
  EXPECT_FALSE(seals.seal({4, {}, 2, SealState::kRunning}).ok());
  EXPECT_FALSE(seals.seal({5, {}, 1, SealState::kRunning}).ok());
  EXPECT_TRUE(seals.seal({5, {}, 2, SealState::kClosed}).ok());
}

TEST(SealChain, AFailedSealEndsTheChain) {
  int drawn = 0;
  SealChain seals = SealChain::start(kOrigin, [&]() -> Result<Secret> {
                      if (++drawn == 3) return Error{"no entropy"};
                      return seed_of(static_cast<char>(drawn));
                    }).take();
  ASSERT_TRUE(seals.seal({0, {}, 0, SealState::kOpen}).ok());
  EXPECT_FALSE(seals.seal({1, {}, 0, SealState::kRunning}).ok());
  EXPECT_TRUE(seals.closed());
  EXPECT_FALSE(seals.seal({2, {}, 0, SealState::kClosed}).ok());
}

TEST(Seal, OnlyOneSpelling) {
  Seal seal;
  seal.origin = kOrigin;
  seal.size = 12;
  seal.index = 1;
  seal.prev = sha256("p");
  seal.next = sha256("n");
  seal.lost = 3;
  seal.state = SealState::kRunning;
  const std::string good = format_seal(seal);
  EXPECT_EQ(parse_seal(good).value(), seal);
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return parse_seal(text).ok();
  };
  EXPECT_FALSE(with("\n12\n", "\n012\n"));
  EXPECT_FALSE(with("\n12\n", "\n+12\n"));
  EXPECT_FALSE(with("\n12\n", "\n99999999999999999999\n"));
  EXPECT_FALSE(with("seal 1", "seal  1"));
  EXPECT_FALSE(with("lost 3", "lost 3 "));
  EXPECT_FALSE(with("state running", "state asleep"));
  EXPECT_FALSE(with("state running\n", "state running"));
  EXPECT_FALSE(with("state running\n", "state running\nmore 1\n"));
  EXPECT_FALSE(with("prev ", "perv "));
  EXPECT_FALSE(with("lost 3\n", "lost 3\r\n"));
}

}  // namespace
}  // namespace carrel::evidence
