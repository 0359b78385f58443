#pragma once
// trust.policy: whose keys a verifier believes, in the line format of C2SP tlog-policy. Until there
// is a ledger its `log` line names the broker's key, which countersigns the first and the last
// seal.

#include <string>
#include <string_view>
#include <vector>

#include "broker/record/evidence/note.h"
#include "profiles/base/result.h"

namespace carrel::evidence {

struct TrustPolicy {
  struct Witness {
    std::string name;
    VerifierKey key;
    bool operator==(const Witness&) const = default;
  };
  struct Group {
    std::string name;
    uint32_t threshold = 0;  // how many of the members
    std::vector<std::string> members;
    bool operator==(const Group&) const = default;
  };
  std::vector<VerifierKey> logs;  // at least one
  std::vector<Witness> witnesses;
  std::vector<Group> groups;
  std::string quorum;  // a witness's or group's name; "" = none
  bool operator==(const TrustPolicy&) const = default;
};

/// Strict: octets 09, 0A, 20-7E, 80-FF; exactly one quorum line; names defined before use and
/// members of one group at most; no key twice. At most 64 KiB. URLs are checked for nothing and
/// dropped.
Result<TrustPolicy> parse_policy(std::string_view text);
/// The text that parse_policy() reads back to an equal value.
std::string format_policy(const TrustPolicy& policy);
/// The policy of a store: this broker key, no witnesses.
TrustPolicy broker_policy(const PublicKey& broker);

}  // namespace carrel::evidence
