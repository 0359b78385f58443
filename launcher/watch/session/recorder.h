#pragma once
// The record as it grows: numbers and hashes events, packs them into blocks, seals the tree. Knows
// no sockets: what is to be sent goes to a sink, in order.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "broker/record/events/event.h"
#include "broker/record/evidence/merkle.h"
#include "broker/record/evidence/seal.h"
#include "broker/record/segments/block.h"
#include "broker/wire/protocol/type.h"
#include "launcher/watch/session/clock.h"
#include "profiles/base/result.h"

namespace carrel::session {

/// Takes one frame for the broker.
using Sink = std::function<Status(protocol::Type, std::string_view body)>;

class Recorder {
 public:
  // How long an event may wait for its block and for its seal, and how full a block gets before.
  static constexpr uint64_t kBlockAfterNs = 200 * kNsPerMs;
  static constexpr size_t kBlockBytes = size_t{256} << 10;
  /// A little less than the promised second: the loop needs time to come round.
  static constexpr uint64_t kSealAfterNs = 900 * kNsPerMs;
  static constexpr uint64_t kSealEvents = 65536;
  static constexpr uint64_t kHeartbeatNs = 30 * kNsPerS;

  struct Tools {
    Clock clock;
    segments::Entropy entropy;
    evidence::SeedSource seeds;
    Sink sink;
  };
  /// Makes the first key. `session` is a ULID.
  static Result<Recorder> start(std::string_view session, Tools tools);

  /// Event 0 and seal 0, sent at once. Comes first and once.
  Status open(events::RecorderOpen first);
  /// Numbers the event, dates it (mono_ns 0 means now) and keeps it; sends what became due by size.
  Status add(events::Event event);
  /// Sends what became due by time.
  Status tick();
  /// When tick() has something to do next, on the monotonic clock.
  [[nodiscard]] uint64_t next_due_ns() const;
  /// The closing seal over everything; erases the key. Nothing can be added after.
  Status close();
  /// The broker has made a seal durable. An Error when it was not the next one.
  Status take_sealed(uint64_t index);

  /// Sensor records lost so far; the next seal declares it. Never less than before.
  void set_lost(uint64_t lost) { lost_ = lost; }
  [[nodiscard]] uint64_t events() const { return tree_.size(); }
  [[nodiscard]] size_t pending_bytes() const { return blocks_.pending_bytes(); }
  /// How many seals the broker has acknowledged, and how many were sent.
  [[nodiscard]] uint64_t seals_acknowledged() const { return acknowledged_; }
  [[nodiscard]] uint64_t seals_sent() const { return chain_.next_index(); }
  /// When the oldest seal without an answer was sent; nothing when all are answered.
  [[nodiscard]] std::optional<uint64_t> waiting_since_ns() const;

 private:
  Recorder(Tools tools, evidence::SealChain chain);
  void stamp(events::Event& event);
  Status keep(events::Event event);
  Status send_blocks();
  Status send_seal(evidence::SealState state);

  Tools tools_;
  segments::BlockWriter blocks_;
  evidence::SealChain chain_;
  evidence::Sha256 sha_;
  evidence::CompactTree tree_;
  uint64_t clock_offset_ns_ = 0;
  uint64_t denied_ = 0, changed_ = 0, lost_ = 0;
  uint64_t sealed_events_ = 0;
  uint64_t acknowledged_ = 0;
  uint64_t waiting_since_ns_ = 0;
  uint64_t last_seal_ns_ = 0;
  std::optional<uint64_t> first_unsent_ns_, first_unsealed_ns_;
};

}  // namespace carrel::session
