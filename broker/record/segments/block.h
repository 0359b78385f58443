#pragma once
// A block is a compressed run of events: what carrel-session makes and what the broker stores as it
// is. The byte format is docs/evidence-format.md, "Blocks".

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/record/events/event.h"
#include "broker/record/evidence/leaf.h"
#include "broker/record/evidence/salt.h"
#include "broker/record/evidence/sha256.h"
#include "profiles/base/result.h"

namespace carrel::segments {

constexpr size_t kBlockHeaderSize = 28;
constexpr uint32_t kMaxBlockRaw = 1U << 20;        // bytes before compression
constexpr uint32_t kMaxBlockStored = 1100U << 10;  // bytes of the zstd frame
constexpr uint32_t kMaxBlockEvents = 65536;

/// Fills the span with random bytes nobody else knows (getrandom(2) in programs).
using Entropy = std::function<void(std::span<uint8_t>)>;

struct BlockHeader {
  uint64_t first_seq = 0;
  uint32_t count = 0;
  uint32_t stored_size = 0;
  uint32_t raw_size = 0;
  bool operator==(const BlockHeader&) const = default;
};
/// The header at the start of `bytes`, with every bound checked. Does not look past it.
Result<BlockHeader> parse_block_header(std::string_view bytes);

/// Collects events into blocks and computes the hash of each one's leaf on the way.
class BlockWriter {
 public:
  explicit BlockWriter(Entropy entropy, uint64_t first_seq = 0);
  ~BlockWriter();
  BlockWriter(BlockWriter&&) noexcept;
  BlockWriter& operator=(BlockWriter&&) noexcept;

  /// Encodes the event and answers its leaf hash, for the session's tree. event.seq must be the
  /// next one; a payload above events::kMaxPayload or an event without a type is an Error and
  /// leaves the writer as it was. A block that becomes full is closed by itself and waits for
  /// take().
  Result<evidence::Digest> add(const events::Event& event);
  /// Uncompressed bytes and events that wait for take().
  [[nodiscard]] size_t pending_bytes() const;
  [[nodiscard]] uint64_t pending_events() const;
  [[nodiscard]] uint64_t next_seq() const;
  /// Every block since the last take(), complete, in order. Empty when nothing waits.
  Result<std::vector<std::string>> take();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

enum class Hashing { kLeaves, kNone };

/// One stored event before its payload is decoded; views into the decoder's buffer.
struct RecordView {
  uint16_t type = 0;
  uint64_t seq = 0;
  uint64_t mono_ns = 0;
  uint64_t real_ns = 0;
  std::string_view payload;
  evidence::Digest leaf_hash{};  // zeros with Hashing::kNone
};
/// The event of a record. Malformed payloads are an Error.
Result<events::Event> to_event(const RecordView& record);

/// Reads blocks strictly and in bounded memory; reused from block to block.
class BlockDecoder {
 public:
  explicit BlockDecoder(Hashing hashing);
  ~BlockDecoder();
  BlockDecoder(BlockDecoder&&) noexcept;
  BlockDecoder& operator=(BlockDecoder&&) noexcept;

  /// `block` begins at a block; answers how many bytes of it the block takes.
  Result<size_t> open(std::string_view block);
  [[nodiscard]] const BlockHeader& header() const;
  /// The next record, valid until the next call; false at the end of the block.
  Result<bool> next(RecordView* record);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace carrel::segments
