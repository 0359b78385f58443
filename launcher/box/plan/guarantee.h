#pragma once
// The guarantees of a session: a closed list, each given or not on this host, with why and what
// mends it. docs/assurance.md has a row for each.

#include <string>
#include <string_view>
#include <vector>

#include "launcher/box/plan/host_facts.h"
#include "profiles/model/profile.h"

namespace carrel::plan {

enum class GuaranteeId {
  kEventsComplete,
  kNamesExact,
  kIoUringRefused,
  kLimits,
  kDiskEncrypted,
  kRecorderSeparate,
  kInitSeparate,
  kRecordUnlosable,
  kNetworkIsolated,
};

struct Guarantee {
  GuaranteeId id = GuaranteeId::kEventsComplete;
  bool given = false;
  bool used = true;   // the profile relies on it (all are used where no profile is given)
  std::string why;    // one sentence: what makes it so, or what is missing
  std::string mends;  // what to do or type; "" when given, or when nothing on this host can
  bool operator==(const Guarantee&) const = default;
};

/// The stable spelling: "events-complete".
std::string_view to_string(GuaranteeId id);

/// All of the enum, in its order. Pure.
std::vector<Guarantee> guarantees(const HostFacts& facts, const model::Profile* profile);

}  // namespace carrel::plan
