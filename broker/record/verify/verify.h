#pragma once
// Checks a whole record from its bytes alone and says claim by claim what they prove. Never one
// green tick: what is not proven is listed as such.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/record/evidence/policy.h"
#include "profiles/base/result.h"

namespace carrel::verify {

enum class Claim {
  kContent,
  kInclusion,
  kOrder,
  kComplete,
  kSealed,
  kWitnessed,
  kTime,
  kProfile,
  kLoss
};
enum class ClaimState { kProven, kNotProven, kFailed };
std::string_view claim_name(Claim claim);             // "CONTENT" …
std::string_view claim_state_name(ClaimState state);  // "proven" | "not proven" | "failed"

struct ClaimResult {
  Claim claim = Claim::kContent;
  ClaimState state = ClaimState::kNotProven;
  std::string detail;
  bool operator==(const ClaimResult&) const = default;
};

/// The first thing found wrong, in the order segments, seals, blobs, other files.
struct FirstBad {
  std::string file;  // within the record
  std::optional<uint64_t> offset;
  std::optional<uint64_t> seq;
  bool operator==(const FirstBad&) const = default;
};

struct VerifyReport {
  std::string session;
  int exit = 4;  // interfaces: 0, 2 no policy, 3 declared loss, 4 failed, 5 incomplete
  std::vector<ClaimResult> claims;  // all nine, in the order of the enum
  std::optional<FirstBad> first_bad;
  uint64_t events = 0;
  uint64_t lost = 0;
  /// What event 0 says the record cannot prove whatever its claims are, as a sentence; "" nothing.
  std::string weakness;
};

/// Reads only beneath `record_dir_fd`. Never an Error: what cannot be read is a failed claim.
VerifyReport verify_record(int record_dir_fd, const std::optional<evidence::TrustPolicy>& policy,
                           std::string_view session);

enum class PolicySource { kFile, kState, kNone };
/// For people: one line a claim, then what is wrong and what the policy is worth.
std::string render_text(const VerifyReport& report, PolicySource source);
/// The one line of `verify --json`, with its line feed.
std::string render_json(const VerifyReport& report, PolicySource source);

}  // namespace carrel::verify
