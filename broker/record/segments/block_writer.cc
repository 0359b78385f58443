#include <zstd.h>

#include <cstring>
#include <unordered_map>

#include "broker/record/evidence/merkle.h"
#include "broker/record/segments/block.h"
#include "broker/record/segments/bytes.h"
#include "profiles/base/check.h"

namespace carrel::segments {
namespace {

constexpr int kZstdLevel = 3;
constexpr size_t kMaxCachedRules = 4096;
constexpr size_t kRootSize = 32;

}  // namespace

struct BlockWriter::State {
  State(Entropy source, uint64_t begin_at)
      : entropy(std::move(source)), next_seq(begin_at), compressor(ZSTD_createCCtx()) {
    CHECK(compressor != nullptr);
    ZSTD_CCtx_setParameter(compressor, ZSTD_c_compressionLevel, kZstdLevel);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { ZSTD_freeCCtx(compressor); }

  /// The salt of `seq`; draws a root where a group of 256 begins.
  const evidence::Salt& salt_for(uint64_t seq) {
    const uint64_t group = seq / evidence::kLeavesPerSaltRoot;
    if (!has_group || group != salt_group) {
      entropy(salt_root);
      salts = evidence::derive_salts(sha, salt_root);
      salt_group = group;
      has_group = true;
    }
    return salts[seq % evidence::kLeavesPerSaltRoot];
  }

  const evidence::RuleId& rule_for(const std::string& id) {
    const auto known = rules.find(id);
    if (known != rules.end()) return known->second;
    if (rules.size() >= kMaxCachedRules) rules.clear();
    return rules.emplace(id, evidence::rule_id(sha, id)).first->second;
  }

  evidence::Digest hash_leaf(const events::Event& event, uint16_t type,
                             const std::string& payload) {
    evidence::Leaf leaf;
    leaf.type = type;
    leaf.flags = static_cast<uint16_t>(event.verdict);
    leaf.seq = event.seq;
    leaf.mono_ns = event.mono_ns;
    leaf.real_ns = event.real_ns;
    leaf.actor = event.process ? event.process->id : 0;
    leaf.payload_size = static_cast<uint32_t>(payload.size());
    leaf.rule = rule_for(event.rule);
    leaf.commitment = evidence::commitment(sha, salt_for(event.seq), payload);
    return evidence::leaf_hash(sha, evidence::as_view(evidence::encode_leaf(leaf)));
  }

  void append_record(const events::Event& event, uint16_t type, const std::string& payload) {
    if (count == 0) {
      first_seq = event.seq;
      last_mono = 0;
      last_offset = 0;
    }
    if (count == 0 || event.seq % evidence::kLeavesPerSaltRoot == 0)
      roots += evidence::as_view(salt_root);
    put_big_endian(&records, type);
    put_varint(&records, zigzag(event.mono_ns - last_mono));
    // The difference of the two clocks hardly ever moves, so this is one zero byte.
    const uint64_t offset = event.real_ns - event.mono_ns;
    put_varint(&records, zigzag(offset - last_offset));
    put_varint(&records, payload.size());
    records += payload;
    last_mono = event.mono_ns;
    last_offset = offset;
    ++count;
    ++next_seq;
  }

  Status close_block() {
    const std::string raw = roots + records;
    std::string frame(ZSTD_compressBound(raw.size()), '\0');
    const size_t size =
        ZSTD_compress2(compressor, frame.data(), frame.size(), raw.data(), raw.size());
    if (ZSTD_isError(size) != 0) return Error{"compress a block"};
    std::string block = "CRB1";
    block.reserve(kBlockHeaderSize + size);
    put_big_endian(&block, first_seq);
    put_big_endian(&block, count);
    put_big_endian(&block, static_cast<uint32_t>(size));
    put_big_endian(&block, static_cast<uint32_t>(raw.size()));
    put_big_endian(&block, uint32_t{0});
    block.append(frame, 0, size);
    finished.push_back(std::move(block));
    finished_bytes += raw.size();
    finished_events += count;
    roots.clear();
    records.clear();
    count = 0;
    return Done{};
  }

  Entropy entropy;
  evidence::Sha256 sha;
  evidence::Digest salt_root{};
  std::array<evidence::Salt, evidence::kLeavesPerSaltRoot> salts{};
  uint64_t salt_group = 0;
  bool has_group = false;
  std::unordered_map<std::string, evidence::RuleId> rules;
  std::string roots;
  std::string records;
  uint64_t first_seq = 0;
  uint64_t next_seq = 0;
  uint64_t last_mono = 0;
  uint64_t last_offset = 0;
  uint32_t count = 0;
  std::vector<std::string> finished;
  size_t finished_bytes = 0;
  uint64_t finished_events = 0;
  ZSTD_CCtx* compressor;
};

BlockWriter::BlockWriter(Entropy entropy, uint64_t first_seq)
    : state_(std::make_unique<State>(std::move(entropy), first_seq)) {}
BlockWriter::~BlockWriter() = default;
BlockWriter::BlockWriter(BlockWriter&&) noexcept = default;
BlockWriter& BlockWriter::operator=(BlockWriter&&) noexcept = default;

Result<evidence::Digest> BlockWriter::add(const events::Event& event) {
  State& state = *state_;
  if (event.seq != state.next_seq) return Error{"event out of sequence"};
  const uint16_t type = events::type_code(event.data);
  if (type == 0) return Error{"event without a type"};
  const auto verdict = static_cast<uint32_t>(event.verdict);
  if (verdict < 1 || verdict > 3) return Error{"event without a verdict"};
  const std::string payload = events::encode_payload(event);
  if (payload.size() > events::kMaxPayload) return Error{"event payload is larger than 1 MiB"};
  constexpr size_t kMaxRecordHead = 2 + 10 + 10 + 5;
  const size_t needed = kMaxRecordHead + payload.size() + 2 * kRootSize;
  if (state.count == kMaxBlockEvents ||
      (state.count != 0 && state.roots.size() + state.records.size() + needed > kMaxBlockRaw))
    RETURN_IF_ERROR(state.close_block());
  const evidence::Digest hash = state.hash_leaf(event, type, payload);
  state.append_record(event, type, payload);
  return hash;
}

size_t BlockWriter::pending_bytes() const {
  return state_->finished_bytes + state_->roots.size() + state_->records.size();
}
uint64_t BlockWriter::pending_events() const {
  return state_->finished_events + state_->count;
}
uint64_t BlockWriter::next_seq() const {
  return state_->next_seq;
}

Result<std::vector<std::string>> BlockWriter::take() {
  if (state_->count != 0) RETURN_IF_ERROR(state_->close_block());
  state_->finished_bytes = 0;
  state_->finished_events = 0;
  return std::exchange(state_->finished, {});
}

}  // namespace carrel::segments
