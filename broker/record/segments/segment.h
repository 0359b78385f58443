#pragma once
// A segment is a file of blocks with a header that chains it to the segment before and a trailer
// that is the SHA-256 of everything in front of it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "broker/record/evidence/sha256.h"
#include "broker/record/segments/block.h"
#include "profiles/base/result.h"

namespace carrel::segments {

constexpr size_t kSegmentHeaderSize = 78;
constexpr size_t kSegmentTrailerSize = 48;
constexpr uint64_t kSegmentTarget = 8U << 20;    // a writer finishes a segment that reaches this
constexpr uint64_t kMaxSegmentSize = 16U << 20;  // a reader refuses more

/// "000001.seg" for index 1, which is the first; empty above 999999.
std::string segment_name(uint32_t index);

struct SegmentHeader {
  std::string session;  // ULID
  uint32_t index = 1;
  evidence::Digest prev{};  // the digest in the trailer of the segment before, zeros in the first
  uint64_t first_seq = 0;
  bool operator==(const SegmentHeader&) const = default;
};
std::string encode_segment_header(const SegmentHeader& header);
Result<SegmentHeader> parse_segment_header(std::string_view bytes);

/// Produces the bytes of a session's segments one after the other; the caller writes them in order.
///   file.write(w.begin()); for each block { bytes = w.append(block); file.write(bytes);
///   if (w.full()) { file.write(w.finish()); next file; file.write(w.begin()); } }
///   file.write(w.finish());
class SegmentWriter {
 public:
  explicit SegmentWriter(std::string session);

  /// The header of the next segment. Must follow construction or finish().
  std::string begin();
  /// Checks that the block continues the record and answers the bytes to write: the block as given.
  /// Several blocks in one call are refused. An Error leaves the writer as it was.
  Result<std::string_view> append(std::string_view block);
  /// The trailer. After it name() is the name of the segment just finished until begin().
  std::string finish();

  [[nodiscard]] std::string name() const { return segment_name(header_.index); }
  [[nodiscard]] bool open() const { return open_; }
  [[nodiscard]] bool full() const { return size_ >= kSegmentTarget; }
  [[nodiscard]] uint64_t size() const { return size_; }  // bytes of the segment so far
  [[nodiscard]] uint64_t next_seq() const { return next_seq_; }

 private:
  SegmentHeader header_;
  evidence::Sha256 sha_;
  evidence::Digest last_digest_{};
  uint64_t size_ = 0;
  uint64_t next_seq_ = 0;
  bool open_ = false;
};

/// How a segment's bytes end.
enum class Ending {
  kTrailer,    // finished
  kOpen,       // exactly behind the header or a block: being written, or its writer died
  kBrokenOff,  // within a header, block or trailer
};

/// Walks over the blocks of one segment held in memory. Checks lengths and sequence, hashes
/// nothing.
class SegmentReader {
 public:
  /// `bytes` must outlive the reader. Fewer bytes than a header give Ending::kBrokenOff, no Error.
  static Result<SegmentReader> open(std::string_view bytes);

  [[nodiscard]] const SegmentHeader& header() const { return header_; }
  /// The next block's bytes; nothing at the end, when ending() is known.
  Result<std::optional<std::string_view>> next_block();
  [[nodiscard]] uint64_t offset() const { return offset_; }  // of what next_block() reads next
  [[nodiscard]] uint64_t next_seq() const { return next_seq_; }
  [[nodiscard]] Ending ending() const { return ending_; }
  /// The trailer's digest; only with Ending::kTrailer.
  [[nodiscard]] const evidence::Digest& trailer_digest() const { return digest_; }

 private:
  explicit SegmentReader(std::string_view bytes) : bytes_(bytes) {}
  Result<std::optional<std::string_view>> end_here();
  std::string_view bytes_;
  SegmentHeader header_;
  uint64_t offset_ = 0;
  uint64_t next_seq_ = 0;
  Ending ending_ = Ending::kBrokenOff;
  evidence::Digest digest_{};
};

/// True when the digest in the trailer of a finished segment is that of the bytes before it.
bool trailer_matches(evidence::Sha256& sha, std::string_view segment);

}  // namespace carrel::segments
