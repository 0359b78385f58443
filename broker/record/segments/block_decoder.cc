#include <zstd.h>

#include <cstring>
#include <unordered_map>

#include "broker/record/events/payload_head.h"
#include "broker/record/evidence/merkle.h"
#include "broker/record/segments/block.h"
#include "broker/record/segments/bytes.h"
#include "profiles/base/check.h"

namespace carrel::segments {
namespace {

constexpr size_t kMaxCachedRules = 4096;
constexpr size_t kRootSize = 32;

}  // namespace

Result<BlockHeader> parse_block_header(std::string_view bytes) {
  if (bytes.size() < kBlockHeaderSize || !bytes.starts_with("CRB1"))
    return Error{"block: no header"};
  BlockHeader header;
  header.first_seq = get_big_endian<uint64_t>(bytes, 4);
  header.count = get_big_endian<uint32_t>(bytes, 12);
  header.stored_size = get_big_endian<uint32_t>(bytes, 16);
  header.raw_size = get_big_endian<uint32_t>(bytes, 20);
  const auto flags = get_big_endian<uint32_t>(bytes, 24);
  if (flags != 0 || header.count == 0 || header.count > kMaxBlockEvents ||
      header.stored_size == 0 || header.stored_size > kMaxBlockStored || header.raw_size == 0 ||
      header.raw_size > kMaxBlockRaw || header.first_seq > UINT64_MAX / 2)
    return Error{"block: header out of bounds"};
  return header;
}

Result<events::Event> to_event(const RecordView& record) {
  ASSIGN_OR_RETURN(events::Event event, events::decode_payload(record.type, record.payload));
  event.seq = record.seq;
  event.mono_ns = record.mono_ns;
  event.real_ns = record.real_ns;
  return event;
}

struct BlockDecoder::State {
  explicit State(Hashing how) : hashing(how), decompressor(ZSTD_createDCtx()) {
    CHECK(decompressor != nullptr);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { ZSTD_freeDCtx(decompressor); }

  Status decompress(std::string_view frame) {
    if (ZSTD_findFrameCompressedSize(frame.data(), frame.size()) != frame.size() ||
        ZSTD_getFrameContentSize(frame.data(), frame.size()) != header.raw_size)
      return Error{"block: not one zstd frame of the stated sizes"};
    raw.resize(header.raw_size);
    const size_t size =
        ZSTD_decompressDCtx(decompressor, raw.data(), raw.size(), frame.data(), frame.size());
    if (ZSTD_isError(size) != 0 || size != header.raw_size)
      return Error{"block: does not decompress"};
    return Done{};
  }

  /// Cuts the salt roots off the front. The first may belong to the group of the block before, and
  /// must then be the same: two roots for one leaf would be two leaves.
  Status take_roots() {
    const uint64_t first = header.first_seq / evidence::kLeavesPerSaltRoot;
    const uint64_t last = (header.first_seq + header.count - 1) / evidence::kLeavesPerSaltRoot;
    const size_t size = (last - first + 1) * kRootSize;
    if (rest.size() < size) return Error{"block: shorter than its salt roots"};
    roots = rest.substr(0, size);
    rest.remove_prefix(size);
    const auto root = evidence::to_array<kRootSize>(roots.substr(0, kRootSize));
    if (has_group && salt_group == first && salt_root != root)
      return Error{"block: the salt root of a group changes"};
    first_group = first;
    return Done{};
  }

  const evidence::Salt& salt_for(uint64_t record_seq) {
    const uint64_t group = record_seq / evidence::kLeavesPerSaltRoot;
    if (!has_group || group != salt_group) {
      salt_root =
          evidence::to_array<kRootSize>(roots.substr((group - first_group) * kRootSize, kRootSize));
      salts = evidence::derive_salts(sha, salt_root);
      salt_group = group;
      has_group = true;
    }
    return salts[record_seq % evidence::kLeavesPerSaltRoot];
  }

  const evidence::RuleId& rule_for(std::string_view id) {
    if (id == last_rule) return last_rule_id;
    last_rule = id;
    const auto known = rules.find(last_rule);
    if (known != rules.end()) return last_rule_id = known->second;
    if (rules.size() >= kMaxCachedRules) rules.clear();
    last_rule_id = evidence::rule_id(sha, id);
    rules.emplace(last_rule, last_rule_id);
    return last_rule_id;
  }

  Result<evidence::Digest> hash_leaf(const RecordView& record) {
    ASSIGN_OR_RETURN(const events::PayloadHead head, events::read_payload_head(record.payload));
    evidence::Leaf leaf;
    leaf.type = record.type;
    leaf.flags = static_cast<uint16_t>(head.verdict);
    leaf.seq = record.seq;
    leaf.mono_ns = record.mono_ns;
    leaf.real_ns = record.real_ns;
    leaf.actor = head.actor;
    leaf.payload_size = static_cast<uint32_t>(record.payload.size());
    leaf.rule = rule_for(head.rule);
    leaf.commitment = evidence::commitment(sha, salt_for(record.seq), record.payload);
    return evidence::leaf_hash(sha, evidence::as_view(evidence::encode_leaf(leaf)));
  }

  Status take_record(RecordView* record) {
    const Error malformed{"block: malformed record"};
    if (rest.size() < 2) return malformed;
    record->type = get_big_endian<uint16_t>(rest, 0);
    rest.remove_prefix(2);
    const auto mono = take_varint(&rest);
    const auto offset = mono ? take_varint(&rest) : std::nullopt;
    const auto size = offset ? take_varint(&rest) : std::nullopt;
    if (!size || *size > rest.size() || *size > events::kMaxPayload) return malformed;
    if (events::type_name(record->type).empty()) return Error{"block: record of unknown type"};
    last_mono += unzigzag(*mono);
    last_offset += unzigzag(*offset);
    record->seq = seq;
    record->mono_ns = last_mono;
    record->real_ns = last_mono + last_offset;
    record->payload = rest.substr(0, *size);
    rest.remove_prefix(*size);
    return Done{};
  }

  Hashing hashing;
  evidence::Sha256 sha;
  ZSTD_DCtx* decompressor;
  BlockHeader header;
  std::string raw;
  std::string_view rest;
  std::string_view roots;
  uint64_t first_group = 0;
  uint64_t seq = 0;
  uint64_t last_mono = 0;
  uint64_t last_offset = 0;
  evidence::Digest salt_root{};
  std::array<evidence::Salt, evidence::kLeavesPerSaltRoot> salts{};
  uint64_t salt_group = 0;
  bool has_group = false;
  std::string last_rule;
  evidence::RuleId last_rule_id{};
  std::unordered_map<std::string, evidence::RuleId> rules;
};

BlockDecoder::BlockDecoder(Hashing hashing) : state_(std::make_unique<State>(hashing)) {}
BlockDecoder::~BlockDecoder() = default;
BlockDecoder::BlockDecoder(BlockDecoder&&) noexcept = default;
BlockDecoder& BlockDecoder::operator=(BlockDecoder&&) noexcept = default;

Result<size_t> BlockDecoder::open(std::string_view block) {
  State& state = *state_;
  ASSIGN_OR_RETURN(state.header, parse_block_header(block));
  const size_t size = kBlockHeaderSize + state.header.stored_size;
  if (block.size() < size) return Error{"block: breaks off"};
  RETURN_IF_ERROR(state.decompress(block.substr(kBlockHeaderSize, state.header.stored_size)));
  state.rest = state.raw;
  state.seq = state.header.first_seq;
  state.last_mono = 0;
  state.last_offset = 0;
  RETURN_IF_ERROR(state.take_roots());
  return size;
}

const BlockHeader& BlockDecoder::header() const {
  return state_->header;
}

Result<bool> BlockDecoder::next(RecordView* record) {
  State& state = *state_;
  if (state.seq == state.header.first_seq + state.header.count) {
    if (!state.rest.empty()) return Error{"block: bytes behind its last record"};
    return false;
  }
  RETURN_IF_ERROR(state.take_record(record));
  if (state.hashing == Hashing::kLeaves) {
    ASSIGN_OR_RETURN(record->leaf_hash, state.hash_leaf(*record));
  } else {
    record->leaf_hash = {};
  }
  ++state.seq;
  return true;
}

}  // namespace carrel::segments
