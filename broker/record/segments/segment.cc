#include "broker/record/segments/segment.h"

#include <algorithm>
#include <cstdio>

#include "broker/record/segments/bytes.h"
#include "profiles/base/check.h"
#include "profiles/base/ulid.h"

namespace carrel::segments {
namespace {

constexpr std::string_view kHeaderMagic = "CRLSEG1\n";
constexpr std::string_view kTrailerMagic = "CRLEND1\n";
constexpr std::string_view kBlockMagic = "CRB1";
constexpr size_t kUlidSize = 26;
constexpr uint32_t kMaxSegments = 999999;

/// True when `bytes` could be the beginning of something that starts with `magic`.
bool may_begin(std::string_view bytes, std::string_view magic) {
  const size_t common = std::min(bytes.size(), magic.size());
  return bytes.substr(0, common) == magic.substr(0, common);
}

}  // namespace

std::string segment_name(uint32_t index) {
  if (index > kMaxSegments) return {};
  std::string digits = std::to_string(index);
  return std::string(6 - digits.size(), '0') + digits + ".seg";
}

std::string encode_segment_header(const SegmentHeader& header) {
  CHECK(header.session.size() == kUlidSize);
  std::string out(kHeaderMagic);
  out += header.session;
  put_big_endian(&out, header.index);
  out += evidence::as_view(header.prev);
  put_big_endian(&out, header.first_seq);
  return out;
}

Result<SegmentHeader> parse_segment_header(std::string_view bytes) {
  if (bytes.size() < kSegmentHeaderSize || !bytes.starts_with(kHeaderMagic))
    return Error{"segment: no header"};
  SegmentHeader header;
  header.session = bytes.substr(8, kUlidSize);
  header.index = get_big_endian<uint32_t>(bytes, 34);
  header.prev = evidence::to_array<32>(bytes.substr(38, 32));
  header.first_seq = get_big_endian<uint64_t>(bytes, 70);
  if (!is_ulid(header.session) || header.index == 0 || header.index > kMaxSegments)
    return Error{"segment: header out of bounds"};
  return header;
}

SegmentWriter::SegmentWriter(std::string session) {
  header_.session = std::move(session);
  header_.index = 0;
}

std::string SegmentWriter::begin() {
  CHECK(!open_ && header_.index < kMaxSegments);
  ++header_.index;
  header_.prev = last_digest_;
  header_.first_seq = next_seq_;
  open_ = true;
  std::string bytes = encode_segment_header(header_);
  sha_.update(bytes);
  size_ = bytes.size();
  return bytes;
}

Result<std::string_view> SegmentWriter::append(std::string_view block) {
  CHECK(open_);
  ASSIGN_OR_RETURN(const BlockHeader header, parse_block_header(block));
  if (block.size() != kBlockHeaderSize + header.stored_size)
    return Error{"segment: not exactly one block"};
  if (header.first_seq != next_seq_) return Error{"segment: block out of sequence"};
  sha_.update(block);
  size_ += block.size();
  next_seq_ += header.count;
  return block;
}

std::string SegmentWriter::finish() {
  CHECK(open_);
  open_ = false;
  std::string bytes(kTrailerMagic);
  put_big_endian(&bytes, next_seq_);
  sha_.update(bytes);
  last_digest_ = sha_.finish();
  bytes += evidence::as_view(last_digest_);
  size_ += bytes.size();
  return bytes;
}

Result<SegmentReader> SegmentReader::open(std::string_view bytes) {
  SegmentReader reader(bytes);
  if (bytes.size() > kMaxSegmentSize) return Error{"segment: larger than 16 MiB"};
  if (bytes.size() < kSegmentHeaderSize) {
    if (!may_begin(bytes, kHeaderMagic)) return Error{"segment: no header"};
    reader.bytes_ = {};
    return reader;
  }
  ASSIGN_OR_RETURN(reader.header_, parse_segment_header(bytes));
  reader.offset_ = kSegmentHeaderSize;
  reader.next_seq_ = reader.header_.first_seq;
  reader.ending_ = Ending::kOpen;
  return reader;
}

Result<std::optional<std::string_view>> SegmentReader::end_here() {
  const std::string_view rest = bytes_.substr(offset_);
  if (rest.size() < kSegmentTrailerSize) {
    ending_ = Ending::kBrokenOff;
    return std::optional<std::string_view>();
  }
  if (rest.size() != kSegmentTrailerSize || !rest.starts_with(kTrailerMagic) ||
      get_big_endian<uint64_t>(rest, 8) != next_seq_)
    return Error{"segment: malformed trailer"};
  digest_ = evidence::to_array<32>(rest.substr(16));
  ending_ = Ending::kTrailer;
  return std::optional<std::string_view>();
}

Result<std::optional<std::string_view>> SegmentReader::next_block() {
  if (offset_ >= bytes_.size()) return std::optional<std::string_view>();
  const std::string_view rest = bytes_.substr(offset_);
  if (may_begin(rest, kTrailerMagic) && rest.size() >= kBlockMagic.size()) return end_here();
  if (!may_begin(rest, kBlockMagic) && !may_begin(rest, kTrailerMagic))
    return Error{"segment: neither a block nor a trailer"};
  if (rest.size() < kBlockHeaderSize) {
    ending_ = Ending::kBrokenOff;
    return std::optional<std::string_view>();
  }
  ASSIGN_OR_RETURN(const BlockHeader header, parse_block_header(rest));
  if (header.first_seq != next_seq_) return Error{"segment: block out of sequence"};
  const size_t size = kBlockHeaderSize + header.stored_size;
  if (rest.size() < size) {
    ending_ = Ending::kBrokenOff;
    return std::optional<std::string_view>();
  }
  offset_ += size;
  next_seq_ += header.count;
  return std::optional<std::string_view>(rest.substr(0, size));
}

bool trailer_matches(evidence::Sha256& sha, std::string_view segment) {
  if (segment.size() < kSegmentHeaderSize + kSegmentTrailerSize) return false;
  const size_t at = segment.size() - 32;
  return evidence::as_view(sha.of(segment.substr(0, at))) == segment.substr(at);
}

}  // namespace carrel::segments
