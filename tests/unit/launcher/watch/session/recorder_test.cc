// The recorder against the broker's own judgement, with a clock that the test moves.

#include "launcher/watch/session/recorder.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "broker/service/monitor/seal_guard.h"
#include "broker/wire/protocol/messages.pb.h"
#include "tests/unit/launcher/watch/session/stage.h"

namespace carrel::session {
namespace {

using protocol::Type;

constexpr uint64_t kBegin = 1'000 * kNsPerS;

/// Takes frames as the broker does: counts stored events by block headers, judges every seal.
class Desk {
 public:
  Desk()
      : guard(session_test::kSession),
        recorder(Recorder::start(
                     session_test::kSession,
                     {{[this] { return now; }, [this] { return now + 1'700'000'000 * kNsPerS; }},
                      [](std::span<uint8_t> out) { std::fill(out.begin(), out.end(), uint8_t{1}); },
                      evidence::generate_seed,
                      [this](Type type, std::string_view body) { return take(type, body); }})
                     .take()) {}

  Status take(Type type, std::string_view body) {
    if (sink_error) return Error{"sink", EPIPE};
    if (type == Type::kSegmentBlock) {
      ASSIGN_OR_RETURN(const auto header, segments::parse_block_header(body));
      EXPECT_EQ(header.first_seq, stored);
      stored = header.first_seq + header.count;
      ++blocks;
      return Done{};
    }
    protocol::Seal sent;
    EXPECT_EQ(type, Type::kSeal);
    EXPECT_TRUE(sent.ParseFromString(std::string(body)));
    ASSIGN_OR_RETURN(const evidence::Seal seal, guard.accept(sent.note(), stored));
    EXPECT_EQ(sent.first(), seal.index == 0);
    EXPECT_EQ(sent.closing(), seal.state == evidence::SealState::kClosed);
    EXPECT_EQ(sent.lost(), seal.lost);
    last = sent;
    sealed = seal.size;
    ++seals;
    return Done{};
  }

  void pass(uint64_t ms) {
    now += ms * kNsPerMs;
    ASSERT_TRUE(recorder.tick().ok());
  }
  Status add(events::Verdict verdict = events::Verdict::kObserved) {
    events::Event event;
    event.verdict = verdict;
    event.data = events::FileUnlink{"/tmp/x"};
    return recorder.add(std::move(event));
  }
  void open() {
    events::RecorderOpen first;
    first.profile_sha256 = std::string(32, 'p');
    ASSERT_TRUE(recorder.open(first).ok());
  }

  uint64_t now = kBegin;
  bool sink_error = false;
  uint64_t stored = 0, sealed = 0;
  int blocks = 0, seals = 0;
  protocol::Seal last;
  monitor::SealGuard guard;
  Recorder recorder;
};

TEST(Recorder, OpensWithEventZeroBeforeSealZero) {
  Desk desk;
  EXPECT_FALSE(desk.add().ok());
  desk.open();
  EXPECT_EQ(desk.stored, 1U);
  EXPECT_EQ(desk.seals, 1);
  EXPECT_EQ(desk.sealed, 0U);
  EXPECT_FALSE(desk.recorder.open({}).ok());
}

TEST(Recorder, SendsBlocksWithinAFifthAndSealsWithinASecond) {
  Desk desk;
  desk.open();
  desk.pass(1'000);
  EXPECT_EQ(desk.seals, 2);
  ASSERT_TRUE(desk.add().ok());
  EXPECT_EQ(desk.recorder.next_due_ns(), desk.now + Recorder::kBlockAfterNs);
  desk.pass(199);
  EXPECT_EQ(desk.stored, 1U);
  desk.pass(1);
  EXPECT_EQ(desk.stored, 2U);
  EXPECT_EQ(desk.seals, 2);
  desk.pass(699);
  EXPECT_EQ(desk.seals, 2);
  desk.pass(1);
  EXPECT_EQ(desk.seals, 3);
  EXPECT_EQ(desk.sealed, 2U);
}

TEST(Recorder, BeatsWhenNothingHappens) {
  Desk desk;
  desk.open();
  desk.pass(1'000);
  ASSERT_EQ(desk.seals, 2);
  desk.pass(29'999);
  EXPECT_EQ(desk.seals, 2);
  desk.pass(1);
  EXPECT_EQ(desk.seals, 3);
  EXPECT_EQ(desk.sealed, 1U);
}

TEST(Recorder, SealsAtTheMostEventsAndSendsFullBlocks) {
  Desk desk;
  desk.open();
  for (uint64_t i = 1; i < Recorder::kSealEvents - 1; ++i)
    ASSERT_TRUE(desk.add().ok());
  EXPECT_EQ(desk.seals, 1);
  EXPECT_GT(desk.blocks, 3);
  ASSERT_TRUE(desk.add().ok());
  EXPECT_EQ(desk.seals, 2);
  EXPECT_EQ(desk.sealed, Recorder::kSealEvents);
}

TEST(Recorder, CountsForTheCatalogueAndCloses) {
  Desk desk;
  desk.open();
  ASSERT_TRUE(desk.add(events::Verdict::kDenied).ok());
  events::Event change;
  change.data = events::FileChanged();
  ASSERT_TRUE(desk.recorder.add(change).ok());
  desk.recorder.set_lost(9);
  ASSERT_TRUE(desk.recorder.close().ok());
  EXPECT_TRUE(desk.guard.closed());
  EXPECT_EQ(desk.sealed, 3U);
  EXPECT_EQ(desk.last.events(), 3U);
  EXPECT_EQ(desk.last.denied(), 1U);
  EXPECT_EQ(desk.last.changed(), 1U);
  EXPECT_EQ(desk.last.lost(), 9U);
  EXPECT_FALSE(desk.add().ok());
  EXPECT_FALSE(desk.recorder.close().ok());
  const int seals = desk.seals;
  desk.pass(60'000);
  EXPECT_EQ(desk.seals, seals);
}

TEST(Recorder, TakesAcknowledgementsInOrderOnly) {
  Desk desk;
  EXPECT_FALSE(desk.recorder.take_sealed(0).ok());
  EXPECT_FALSE(desk.recorder.waiting_since_ns().has_value());
  desk.open();
  EXPECT_EQ(desk.recorder.waiting_since_ns(), kBegin);
  desk.pass(5'000);
  EXPECT_EQ(desk.recorder.waiting_since_ns(), kBegin);  // still the oldest
  EXPECT_FALSE(desk.recorder.take_sealed(1).ok());
  EXPECT_TRUE(desk.recorder.take_sealed(0).ok());
  EXPECT_FALSE(desk.recorder.take_sealed(0).ok());
  EXPECT_TRUE(desk.recorder.take_sealed(1).ok());
  EXPECT_FALSE(desk.recorder.waiting_since_ns().has_value());
  EXPECT_FALSE(desk.recorder.take_sealed(2).ok());
}

TEST(Recorder, PassesOnWhatTheSinkRefuses) {
  Desk desk;
  desk.open();
  desk.sink_error = true;
  ASSERT_TRUE(desk.add().ok());
  desk.now += kNsPerS;
  EXPECT_FALSE(desk.recorder.tick().ok());
}

}  // namespace
}  // namespace carrel::session
