#include "broker/record/verify/seals_check.h"

#include <algorithm>

#include "broker/record/evidence/note.h"
#include "broker/record/segments/store.h"

namespace carrel::verify {
namespace {

using evidence::Note;
using evidence::Seal;
using evidence::SealState;

/// Walks from seal to seal; what the next one must say is known from the one before.
class ChainCheck {
 public:
  ChainCheck(std::string_view session, const std::optional<evidence::TrustPolicy>& policy)
      : origin_(evidence::session_origin(session)), policy_(policy) {}

  /// An Error says in words what does not hold.
  Result<Seal> check(std::string_view bytes) {
    ASSIGN_OR_RETURN(const Note note, evidence::parse_note(bytes));
    if (evidence::format_note(note) != bytes) return Error{"is not in its one spelling"};
    ASSIGN_OR_RETURN(Seal seal, evidence::parse_seal(note.text));
    RETURN_IF_ERROR(follows(seal));
    RETURN_IF_ERROR(signed_by_its_key(note, seal));
    RETURN_IF_ERROR(only_known_signatures(note, seal));
    prev_ = evidence::sha256(note.text);
    next_key_ = seal.next;
    size_ = seal.size;
    lost_ = seal.lost;
    closed_ = seal.state == SealState::kClosed;
    ++index_;
    countersigned_ = is_countersigned(note);
    return seal;
  }
  /// Whether a log of the policy signed the seal checked last.
  [[nodiscard]] bool countersigned() const { return countersigned_; }
  [[nodiscard]] bool closed() const { return closed_; }

 private:
  [[nodiscard]] Status follows(const Seal& seal) const {
    const bool first = index_ == 0;
    if (closed_) return Error{"stands after the closing seal"};
    if (seal.origin != origin_) return Error{"is of another session"};
    if (seal.index != index_) return Error{"has the wrong number"};
    if (seal.prev != prev_) return Error{"does not name the seal before it"};
    if (seal.key.has_value() != first) return Error{"must name its key if and only if it is first"};
    if (first != (seal.state == SealState::kOpen)) return Error{"has the wrong state"};
    if (seal.next.has_value() == (seal.state == SealState::kClosed))
      return Error{"must name a next key unless it is closed"};
    if (first && seal.size != 0) return Error{"is the first and has a size above 0"};
    if (seal.size < size_ || seal.lost < lost_) return Error{"shrinks"};
    return Done{};
  }
  [[nodiscard]] Status signed_by_its_key(const Note& note, const Seal& seal) const {
    const evidence::PublicKey key = index_ == 0 ? *seal.key : *next_key_;
    const auto state = evidence::check_signature(note, evidence::make_vkey(origin_, key));
    if (state != evidence::SignatureState::kGood)
      return Error{"is not signed by the key announced for it"};
    return Done{};
  }
  /// One line of the session; the first and the closing seal have one more, of a log.
  [[nodiscard]] Status only_known_signatures(const Note& note, const Seal& seal) const {
    const bool may_be_countersigned = seal.state != SealState::kRunning;
    if (note.signatures.size() > (may_be_countersigned ? 2U : 1U) ||
        note.signatures[0].name != origin_)
      return Error{"has signature lines that do not belong there"};
    if (note.signatures.size() == 2 && policy_ && !is_countersigned(note))
      return Error{"is countersigned by a key that the policy does not name, or wrongly"};
    return Done{};
  }
  [[nodiscard]] bool is_countersigned(const Note& note) const {
    if (!policy_) return false;
    return std::any_of(policy_->logs.begin(), policy_->logs.end(), [&](const auto& log) {
      return evidence::check_signature(note, log) == evidence::SignatureState::kGood;
    });
  }

  std::string origin_;
  const std::optional<evidence::TrustPolicy>& policy_;
  std::optional<evidence::Digest> prev_;
  std::optional<evidence::PublicKey> next_key_;
  uint64_t index_ = 0;
  uint64_t size_ = 0;
  uint64_t lost_ = 0;
  bool closed_ = false;
  bool countersigned_ = false;
};

FirstBad at(uint64_t offset) {
  return {std::string(segments::kSealsName), offset, std::nullopt};
}

}  // namespace

CheckedSeals check_seals(std::string_view notes, std::string_view session,
                         const std::optional<evidence::TrustPolicy>& policy) {
  CheckedSeals out;
  const evidence::NotesFile file = evidence::split_notes(notes);
  ChainCheck chain(session, policy);
  for (const auto& entry : file.notes) {
    const std::string name = "seal " + std::to_string(out.good.size());
    auto seal = chain.check(entry.bytes);
    if (!seal.ok()) {
      out.findings.fail(Claim::kSealed, name + " " + seal.error().what, at(entry.offset));
      return out;
    }
    const bool wants_countersignature = seal.value().state != SealState::kRunning;
    out.good.push_back(seal.take());
    out.offsets.push_back(entry.offset);
    if (!policy || !wants_countersignature || chain.countersigned()) continue;
    // At the very end of the file this is a note whose last line was not written, or cut off.
    if (&entry == &file.notes.back() && file.rest.empty()) {
      out.findings.cut(name + " is not countersigned", at(entry.offset + entry.bytes.size()));
      return out;
    }
    out.findings.fail(Claim::kSealed, name + " is not countersigned", at(entry.offset));
    return out;
  }
  const uint64_t end = notes.size() - file.rest.size();
  if (chain.closed() && !file.rest.empty())
    out.findings.fail(Claim::kSealed, "bytes follow the closing seal", at(end));
  else if (!file.rest.empty())
    out.findings.cut("the last seal breaks off", at(end));
  else if (!chain.closed())
    out.findings.cut("there is no closing seal: complete only up to seal " +
                         std::to_string(out.good.empty() ? 0 : out.good.size() - 1),
                     at(end));
  out.closed = chain.closed() && file.rest.empty();
  return out;
}

}  // namespace carrel::verify
