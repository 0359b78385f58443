#include "broker/service/monitor/seal_guard.h"

#include <gtest/gtest.h>

#include <functional>

#include "broker/record/evidence/note.h"

namespace carrel::monitor {
namespace {

using evidence::Seal;
using evidence::SealState;
using evidence::SigningKey;

constexpr std::string_view kSession = "01hzx00000000000000000000a";

SigningKey key(char fill) {
  return SigningKey::from_seed(Secret(std::string(32, fill))).take();
}

/// Three seals of a session with 8 events, as values that a test may spoil before they are signed.
struct Chain {
  Chain() {
    first.origin = second.origin = last.origin = evidence::session_origin(kSession);
    first.key = key('0').public_key();
    first.next = key('1').public_key();
    second.size = 5;
    second.index = 1;
    second.next = key('2').public_key();
    second.lost = 1;
    second.state = SealState::kRunning;
    last.size = 8;
    last.index = 2;
    last.lost = 1;
    last.state = SealState::kClosed;
  }
  static evidence::Digest digest_of(const Seal& seal) {
    return evidence::sha256(evidence::format_seal(seal));
  }
  static std::string sign(const Seal& seal, char fill) {
    return evidence::sign_note(evidence::format_seal(seal), seal.origin, key(fill)).take();
  }
  Seal first, second, last;
};

/// The error of the first seal that is refused; empty when all are accepted.
std::string feed(Chain& chain, uint64_t stored = 8) {
  SealGuard guard(kSession);
  chain.second.prev = Chain::digest_of(chain.first);
  chain.last.prev = Chain::digest_of(chain.second);
  auto got = guard.accept(Chain::sign(chain.first, '0'), 1);
  if (!got.ok()) return got.error().what;
  got = guard.accept(Chain::sign(chain.second, '1'), 5);
  if (!got.ok()) return got.error().what;
  got = guard.accept(Chain::sign(chain.last, '2'), stored);
  return got.ok() ? "" : got.error().what;
}

TEST(SealGuard, AcceptsAWholeSession) {
  Chain chain;
  EXPECT_EQ(feed(chain), "");
}

TEST(SealGuard, RefusesASealOutOfPlace) {
  struct Row {
    const char* why;
    std::function<void(Chain&)> spoil;
  };
  const std::vector<Row> rows{
      {"of another session",
       [](Chain& c) { c.second.origin = evidence::session_origin("01hzx00000000000000000000b"); }},
      {"out of order", [](Chain& c) { c.second.index = 2; }},
      {"state out of order", [](Chain& c) { c.first.state = SealState::kRunning; }},
      {"the first one covers events", [](Chain& c) { c.first.size = 1; }},
      {"fewer events", [](Chain& c) { c.last.size = 4; }},
      {"less loss", [](Chain& c) { c.last.lost = 0; }},
      {"not stored", [](Chain& c) { c.second.size = 6; }},
      {"leaves events out", [](Chain& c) { c.last.size = 7; }},
      {"announced key", [](Chain& c) { c.first.next = key('9').public_key(); }},
      {"announced key", [](Chain& c) { c.first.key = key('9').public_key(); }},
  };
  for (const Row& row : rows) {
    Chain chain;
    row.spoil(chain);
    EXPECT_NE(feed(chain).find(row.why), std::string::npos) << row.why << ": " << feed(chain);
  }
}

TEST(SealGuard, RefusesAChainWithALinkReplaced) {
  Chain chain;
  SealGuard guard(kSession);
  ASSERT_TRUE(guard.accept(Chain::sign(chain.first, '0'), 1).ok());
  chain.first.lost = 7;
  chain.second.prev = Chain::digest_of(chain.first);
  EXPECT_FALSE(guard.accept(Chain::sign(chain.second, '1'), 5).ok());
}

TEST(SealGuard, AcceptsNothingAfterARefusal) {
  Chain chain;
  SealGuard guard(kSession);
  ASSERT_FALSE(guard.accept("nonsense", 1).ok());
  EXPECT_FALSE(guard.accept(Chain::sign(chain.first, '0'), 1).ok());
}

TEST(SealGuard, AcceptsNothingAfterTheClosingSeal) {
  Chain chain;
  ASSERT_EQ(feed(chain), "");
  SealGuard guard(kSession);
  chain.second.prev = Chain::digest_of(chain.first);
  chain.last.prev = Chain::digest_of(chain.second);
  ASSERT_TRUE(guard.accept(Chain::sign(chain.first, '0'), 1).ok());
  ASSERT_TRUE(guard.accept(Chain::sign(chain.second, '1'), 8).ok());
  ASSERT_TRUE(guard.accept(Chain::sign(chain.last, '2'), 8).ok());
  EXPECT_TRUE(guard.closed());
  EXPECT_FALSE(guard.accept(Chain::sign(chain.last, '2'), 8).ok());
}

TEST(SealGuard, WantsExactlyOneSignature) {
  const Chain chain;
  const std::string note = Chain::sign(chain.first, '0');
  const auto both = evidence::countersign(note, evidence::kBrokerKeyName, key('b'));
  EXPECT_FALSE(SealGuard(kSession).accept(both.value(), 1).ok());
  EXPECT_TRUE(SealGuard(kSession).accept(note, 1).ok());
}

TEST(SealGuard, RefusesEveryFlippedByte) {
  const Chain chain;
  const std::string note = Chain::sign(chain.first, '0');
  for (size_t i = 0; i < note.size(); ++i) {
    std::string bad = note;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_FALSE(SealGuard(kSession).accept(bad, 1).ok()) << "byte " << i;
  }
}

TEST(SealGuard, RefusesEveryCutNote) {
  const Chain chain;
  const std::string note = Chain::sign(chain.first, '0');
  for (size_t i = 0; i < note.size(); ++i) {
    EXPECT_FALSE(SealGuard(kSession).accept(note.substr(0, i), 1).ok()) << "length " << i;
  }
  EXPECT_FALSE(SealGuard(kSession).accept(std::string(1 << 20, 'x'), 1).ok());
}

}  // namespace
}  // namespace carrel::monitor
