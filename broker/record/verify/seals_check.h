#pragma once
// Checks the chain of seals on its own: signatures, order, countersignatures. Roots are compared by
// the walk over the events.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/record/evidence/policy.h"
#include "broker/record/evidence/seal.h"
#include "broker/record/verify/findings.h"

namespace carrel::verify {

struct CheckedSeals {
  /// The seals that hold, from seal 0 to the first that does not.
  std::vector<evidence::Seal> good;
  std::vector<uint64_t> offsets;  // of each in seals.notes
  bool closed = false;            // the last good one is closed and nothing follows it
  Findings findings;
};

/// `notes` is the content of seals.notes. Without a policy countersignatures are not checked.
CheckedSeals check_seals(std::string_view notes, std::string_view session,
                         const std::optional<evidence::TrustPolicy>& policy);

}  // namespace carrel::verify
