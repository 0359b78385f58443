#pragma once
// Judges one session's seals as they arrive, before any is stored or countersigned: each must be
// what the chain before it allows.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "broker/record/evidence/seal.h"
#include "broker/record/evidence/sha256.h"
#include "profiles/base/result.h"

namespace carrel::monitor {

class SealGuard {
 public:
  explicit SealGuard(std::string_view session);

  /// Accepts the next seal of the session and answers it, or says what is wrong with it and then
  /// accepts none any more. `stored_events`: how many events the record holds; a seal may cover no
  /// more, the closing one exactly these. Checked besides: strict spelling, origin, one signature
  /// by the announced key, index, digest of the seal before, size and loss never shrinking, the
  /// order open, running…, closed. Not checked: that the root is the events' (the verifier does).
  Result<evidence::Seal> accept(std::string_view note, uint64_t stored_events);

  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] uint64_t next_index() const { return next_index_; }

 private:
  Status judge(std::string_view note, uint64_t stored_events, evidence::Seal& seal);
  Status judge_place(const evidence::Seal& seal, uint64_t stored_events) const;
  std::string origin_;
  uint64_t next_index_ = 0;
  uint64_t size_ = 0;
  uint64_t lost_ = 0;
  std::optional<evidence::Digest> prev_;
  std::optional<evidence::PublicKey> key_;
  bool closed_ = false;
  bool failed_ = false;
};

}  // namespace carrel::monitor
