#pragma once
// The verb `carrel approvals`: what sessions ask for beyond their profile, and the word of whoever
// may grant it.

#include <cstdint>
#include <string>
#include <vector>

#include "broker/wire/client/broker_client.h"
#include "launcher/cli/work/verbs.h"

namespace carrel::work {

enum class ApprovalVerb { kList, kApprove, kRefuse };

struct ApprovalArguments {
  ApprovalVerb verb = ApprovalVerb::kList;
  bool help = false;
  std::string state;        // --state, "" when not given
  std::string session, id;  // SESSION/ID
  Shape shape = Shape::kText;
  std::string reason;
  std::string until;        // of an approval; "" as asked for
  std::string text_sha256;  // hex: what was seen before; "" what is shown now
};

/// Parses the words after the verb; an Error is a usage error (exit 1) in one sentence.
Result<ApprovalArguments> parse_approval_arguments(const std::vector<std::string>& words);
std::string approvals_help_text();

/// Nanoseconds since 1970 of "30m", from `now_ns` on, or of "2026-12-31T18:00:00Z".
Result<uint64_t> parse_until(const std::string& text, uint64_t now_ns);

/// Runs it with a broker that answers; `code` is the exit code of a failure.
Status run_approvals(const ApprovalArguments& arguments, client::BrokerClient& broker,
                     Output output, int* code);

}  // namespace carrel::work
