#include "broker/service/monitor/seal_guard.h"

#include "broker/record/evidence/note.h"

namespace carrel::monitor {
namespace {

using evidence::Seal;
using evidence::SealState;

Error wrong(const std::string& what) {
  return Error{"seal refused: " + what};
}

/// What the record of an open session would have held anyway is allowed little room.
constexpr size_t kMaxNote = 8192;

Status check_signed_by(const evidence::Note& note, const std::string& name,
                       const evidence::PublicKey& key) {
  if (note.signatures.size() != 1) return wrong("not exactly one signature");
  const auto verifier = evidence::make_vkey(name, key);
  if (evidence::check_signature(note, verifier) != evidence::SignatureState::kGood) {
    return wrong("not signed by the announced key");
  }
  return Done{};
}

}  // namespace

SealGuard::SealGuard(std::string_view session) : origin_(evidence::session_origin(session)) {}

Result<Seal> SealGuard::accept(std::string_view note, uint64_t stored_events) {
  if (failed_) return wrong("an earlier one was");
  Seal seal;
  Status judged = judge(note, stored_events, seal);
  if (!judged.ok()) {
    failed_ = true;
    return judged.take_error();
  }
  return seal;
}

Status SealGuard::judge(std::string_view bytes, uint64_t stored_events, Seal& seal) {
  if (bytes.size() > kMaxNote) return wrong("too large");
  ASSIGN_OR_RETURN(const evidence::Note note, evidence::parse_note(bytes));
  if (evidence::format_note(note) != bytes) return wrong("not spelled canonically");
  ASSIGN_OR_RETURN(seal, evidence::parse_seal(note.text));
  RETURN_IF_ERROR(judge_place(seal, stored_events));
  const auto key = next_index_ == 0 ? seal.key : key_;
  if (!key.has_value()) return wrong("no key for it");
  RETURN_IF_ERROR(check_signed_by(note, origin_, *key));
  closed_ = seal.state == SealState::kClosed;
  ++next_index_;
  size_ = seal.size;
  lost_ = seal.lost;
  prev_ = evidence::sha256(note.text);
  key_ = seal.next;
  return Done{};
}

Status SealGuard::judge_place(const Seal& seal, uint64_t stored_events) const {
  if (closed_) return wrong("the session is closed");
  if (seal.origin != origin_) return wrong("of another session");
  if (seal.index != next_index_) return wrong("out of order");
  if (seal.prev != prev_) return wrong("does not follow the one before");
  const bool first = next_index_ == 0;
  if (first != (seal.state == SealState::kOpen)) return wrong("state out of order");
  if (first && seal.size != 0) return wrong("the first one covers events");
  if (first != seal.key.has_value()) return wrong("names a key out of turn");
  if ((seal.state == SealState::kClosed) == seal.next.has_value()) {
    return wrong("announces a key out of turn");
  }
  if (seal.size < size_) return wrong("covers fewer events than the one before");
  if (seal.lost < lost_) return wrong("declares less loss than the one before");
  if (seal.size > stored_events) return wrong("covers events that are not stored");
  if (seal.state == SealState::kClosed && seal.size != stored_events) {
    return wrong("the closing one leaves events out");
  }
  return Done{};
}

}  // namespace carrel::monitor
