#include "broker/record/verify/events_check.h"

#include "broker/record/evidence/merkle.h"
#include "broker/record/segments/block.h"
#include "broker/record/segments/segment.h"
#include "profiles/base/text.h"

namespace carrel::verify {
namespace {

using segments::Ending;
using segments::RecordView;
using segments::SegmentReader;

constexpr uint64_t kPrevOffset = 38;  // of fields in a segment's header
constexpr uint64_t kSessionOffset = 8;
constexpr uint16_t kRecorderKind = 0x0f;
constexpr uint16_t kFileChanged = 0x0108;

class Walk {
 public:
  Walk(const segments::RecordReader& reader, std::string_view session, const CheckedSeals& seals)
      : reader_(reader), session_(session), seals_(seals), decoder_(segments::Hashing::kLeaves) {}

  CheckedEvents run() {
    compare_roots();
    const auto& indexes = reader_.files().segments;
    for (size_t i = 0; i < indexes.size() && !stopped_; ++i) {
      const auto index = static_cast<uint32_t>(i + 1);
      file_ = segments::segment_name(index);
      if (indexes[i] != index) {
        fail(Claim::kOrder, "is missing", std::nullopt);
        stopped_ = true;
        break;
      }
      check_segment(index, index == indexes.size());
    }
    finish();
    return std::move(out_);
  }

 private:
  void fail(Claim claim, const std::string& words, std::optional<uint64_t> offset) {
    out_.findings.fail(claim, file_ + " " + words, {file_, offset, out_.events});
  }

  void check_segment(uint32_t index, bool last) {
    first_seq_of_file_ = out_.events;
    const auto bytes = reader_.read(file_, segments::kMaxSegmentSize);
    if (!bytes.ok()) return stop(Claim::kContent, to_string(bytes.error()), std::nullopt);
    auto opened = SegmentReader::open(bytes.value());
    if (!opened.ok()) return stop(Claim::kOrder, opened.error().what, 0);
    SegmentReader segment = opened.take();
    if (bytes.value().size() >= segments::kSegmentHeaderSize && !check_header(segment, index))
      return;
    // Checked before the blocks, so that damage is blamed on this file and not on where a wrong
    // root shows up; the walk over the blocks then says where in the file.
    const bool ends_in_trailer = walk_lengths(bytes.value());
    if (ends_in_trailer && !segments::trailer_matches(sha_, bytes.value()))
      out_.findings.fail(Claim::kContent, file_ + " does not match the SHA-256 in its trailer",
                         {file_, std::nullopt, std::nullopt});
    walk_blocks(&segment);
    if (stopped_) return;
    if (segment.ending() == Ending::kTrailer) {
      prev_digest_ = segment.trailer_digest();
      return;
    }
    stopped_ = true;
    if (!last) return fail(Claim::kOrder, "has no trailer but is not the last", segment.offset());
    out_.findings.cut(
        file_ + (segment.ending() == Ending::kOpen ? " has no trailer" : " breaks off"),
        {file_, segment.offset(), out_.events});
  }

  void stop(Claim claim, const std::string& words, std::optional<uint64_t> offset) {
    fail(claim, "is damaged: " + words, offset);
    stopped_ = true;
  }

  /// True when the file's lengths lead to a trailer at its end.
  static bool walk_lengths(std::string_view bytes) {
    auto opened = SegmentReader::open(bytes);
    if (!opened.ok()) return false;
    SegmentReader segment = opened.take();
    while (true) {
      const auto block = segment.next_block();
      if (!block.ok()) return false;
      if (!block.value()) return segment.ending() == Ending::kTrailer;
    }
  }

  bool check_header(const SegmentReader& segment, uint32_t index) {
    const segments::SegmentHeader& header = segment.header();
    if (header.session != session_) {
      stop(Claim::kOrder, "it is of another session", kSessionOffset);
    } else if (header.index != index || header.first_seq != out_.events) {
      stop(Claim::kOrder, "it does not continue the segment before", kSessionOffset + 26);
    } else if (header.prev != prev_digest_) {
      stop(Claim::kOrder, "it does not name the segment before", kPrevOffset);
    }
    return !stopped_;
  }

  void walk_blocks(SegmentReader* segment) {
    while (!stopped_) {
      offset_ = segment->offset();
      const auto block = segment->next_block();
      if (!block.ok()) return stop_at(block.error());
      if (!block.value()) return;
      if (const auto size = decoder_.open(*block.value()); !size.ok()) return stop_at(size.error());
      while (true) {
        const auto more = decoder_.next(&record_);
        if (!more.ok()) return stop_at(more.error());
        if (!more.value()) break;
        check_record();
        if (stopped_) return;
      }
    }
  }

  void stop_at(const Error& error) {
    stop(Claim::kContent, error.what, offset_);
    out_.findings.refine(file_, offset_, out_.events);
  }

  void check_record() {
    if (const auto good = events::check_payload(record_.type, record_.payload); !good.ok())
      return stop_at(good.error());
    out_.end.reset();
    if (record_.seq == 0) out_.first_real_ns = record_.real_ns;
    // Of most events nothing but the leaf matters here, and decoding costs as much as all hashing.
    if (matters(record_.type) || record_.seq == 0) {
      const auto event = segments::to_event(record_);
      if (!event.ok()) return stop_at(event.error());
      look_at(event.value());
    }
    tree_.append(sha_, record_.leaf_hash);
    out_.last_real_ns = record_.real_ns;
    ++out_.events;
    compare_roots();
  }

  static bool matters(uint16_t type) { return type >> 8 == kRecorderKind || type == kFileChanged; }

  /// Compares the root of every seal that was made at this size.
  void compare_roots() {
    while (next_seal_ < seals_.good.size() && seals_.good[next_seal_].size == out_.events) {
      if (tree_.root(sha_) != seals_.good[next_seal_].root) {
        const uint64_t from = std::max(out_.sealed, first_seq_of_file_);
        out_.findings.fail(
            Claim::kInclusion,
            "events " + std::to_string(out_.sealed) + " to " + std::to_string(out_.events) +
                " do not have the root of seal " + std::to_string(next_seal_),
            {file_.empty() ? std::string(segments::kSealsName) : file_, std::nullopt, from});
        out_.findings.refine(file_, std::nullopt, from);
        stopped_ = true;
        return;
      }
      out_.sealed = out_.events;
      ++next_seal_;
    }
  }

  void look_at(const events::Event& event) {
    if (const auto* open = std::get_if<events::RecorderOpen>(&event.data)) {
      look_at_open(event.seq, *open);
    } else if (event.seq == 0) {
      fail(Claim::kProfile, "begins with an event that is not recorder.open", offset_);
    } else if (const auto* changed = std::get_if<events::FileChanged>(&event.data)) {
      refer_to(changed->before_sha256, changed->note.empty());
      refer_to(changed->after_sha256, changed->note.empty());
    } else if (const auto* loss = std::get_if<events::RecorderLoss>(&event.data)) {
      for (const auto& [type, count] : loss->counts)
        out_.loss_events_total += count;
    } else if (const auto* end = std::get_if<events::RecorderEnd>(&event.data)) {
      out_.end = *end;
    }
  }

  void look_at_open(uint64_t seq, const events::RecorderOpen& open) {
    if (seq != 0) return fail(Claim::kOrder, "holds a second recorder.open", offset_);
    const std::string digest(evidence::as_view(evidence::sha256(open.profile_canonical)));
    if (digest != open.profile_sha256)
      return fail(Claim::kProfile, "names a digest that is not the profile's", offset_);
    out_.profile_sha256_hex = to_hex(digest);
    out_.weakness = weakness_of(open);
  }

  /// Whoever opened a session without root has the recorder's uid, memory and keys.
  static std::string weakness_of(const events::RecorderOpen& open) {
    for (const events::AssuranceItem& item : open.assurance) {
      if (item.id != "recorder-separate" || item.given) continue;
      return "contractor and recorder were one uid: the record proves nothing against the user who "
             "opened the session";
    }
    if (open.mode != "rootless") return "";
    return "opened without root: the record proves nothing against the user who opened the session";
  }

  void refer_to(const std::string& digest, bool required) {
    if (digest.empty()) return;
    if (digest.size() != 32) return fail(Claim::kContent, "names a malformed digest", offset_);
    bool& kept = out_.blobs[to_hex(digest)];
    kept = kept || required;
  }

  /// What the seals promise beyond the last event that is there.
  void finish() {
    if (out_.findings.failed()) return;
    const auto next = static_cast<uint32_t>(reader_.files().segments.size() + 1);
    if (next_seal_ < seals_.good.size()) {
      const uint64_t promised = seals_.good.back().size;
      const std::string missing =
          stopped_ ? file_ : segments::segment_name(next);  // cut within it, or not there at all
      out_.findings.cut("the seals cover " + std::to_string(promised) +
                            " events, the segments hold " + std::to_string(out_.events),
                        {missing, std::nullopt, out_.events});
    } else if (seals_.closed && out_.events > out_.sealed) {
      fail(Claim::kComplete, "holds events after the closing seal", std::nullopt);
    } else if (seals_.closed && !out_.end) {
      fail(Claim::kComplete, "does not end in recorder.end", std::nullopt);
    } else if (reader_.files().segments.empty()) {
      out_.findings.cut("there are no segments",
                        {segments::segment_name(1), std::nullopt, std::nullopt});
    }
  }

  const segments::RecordReader& reader_;
  std::string_view session_;
  const CheckedSeals& seals_;
  segments::BlockDecoder decoder_;
  evidence::Sha256 sha_;
  evidence::CompactTree tree_;
  evidence::Digest prev_digest_{};
  size_t next_seal_ = 0;
  std::string file_;
  uint64_t first_seq_of_file_ = 0;
  uint64_t offset_ = 0;
  RecordView record_;
  bool stopped_ = false;
  CheckedEvents out_;
};

}  // namespace

CheckedEvents check_events(const segments::RecordReader& reader, std::string_view session,
                           const CheckedSeals& seals) {
  return Walk(reader, session, seals).run();
}

}  // namespace carrel::verify
