#include "broker/record/verify/verify.h"

#include <algorithm>

#include "broker/record/segments/store.h"
#include "broker/record/verify/events_check.h"
#include "broker/record/verify/findings.h"
#include "broker/record/verify/seals_check.h"
#include "profiles/base/rfc3339.h"
#include "profiles/base/text.h"
#include "profiles/base/ulid.h"

namespace carrel::verify {
namespace {

constexpr int kOk = 0;
constexpr int kNoPolicy = 2;
constexpr int kDeclaredLoss = 3;
constexpr int kFailed = 4;
constexpr int kIncomplete = 5;

Findings check_blobs(const segments::RecordReader& reader, const CheckedEvents& events,
                     bool complete) {
  Findings out;
  const auto& present = reader.files().blobs;
  for (const auto& [name, required] : events.blobs) {
    const std::string file = "blobs/" + name;
    if (!std::binary_search(present.begin(), present.end(), name) && required)
      out.fail(Claim::kContent, file + " is missing", {file, std::nullopt, std::nullopt});
  }
  for (const std::string& name : present) {
    const std::string file = "blobs/" + name;
    const auto digest = reader.hash(file, segments::kMaxBlobSize);
    if (!digest.ok() || to_hex(evidence::as_view(digest.value())) != name)
      out.fail(Claim::kContent, file + " does not have the SHA-256 it is named by",
               {file, std::nullopt, std::nullopt});
    // Of a record that breaks off the event that names the blob may be missing.
    else if (complete && !events.blobs.contains(name))
      out.fail(Claim::kContent, file + " is named by no event", {file, std::nullopt, std::nullopt});
  }
  for (const std::string& name : reader.files().unknown) {
    const std::string file = quoted(name);
    out.fail(Claim::kContent, file + " is no file of a record", {file, std::nullopt, std::nullopt});
  }
  return out;
}

/// The kernel's counters and what the record says of them.
Findings check_loss(const CheckedEvents& events, const CheckedSeals& seals) {
  Findings out;
  const FirstBad where{std::string(segments::kSealsName), std::nullopt, std::nullopt};
  if (!events.end) return out;
  const events::RecorderEnd& end = *events.end;
  if (end.produced != end.recorded + end.lost)
    out.fail(Claim::kLoss, "produced is not recorded plus lost", where);
  else if (seals.closed && seals.good.back().lost != end.lost)
    out.fail(Claim::kLoss, "the closing seal and recorder.end differ on what was lost", where);
  else if (events.loss_events_total > end.lost)
    out.fail(Claim::kLoss, "recorder.loss events declare more than recorder.end", where);
  return out;
}

/// Everything the claims are judged by.
struct Facts {
  const std::optional<evidence::TrustPolicy>& policy;
  const CheckedEvents& events;
  const CheckedSeals& seals;
  const Findings& findings;
  uint64_t lost;

  [[nodiscard]] bool complete() const {
    return seals.closed && events.end && events.sealed == events.events && !findings.is_cut();
  }
};

ClaimResult judge_sealed(const Facts& facts) {
  const std::string count = std::to_string(facts.seals.good.size()) + " seals";
  if (!facts.policy) return {Claim::kSealed, ClaimState::kNotProven, count + ", but no policy"};
  if (!facts.seals.closed || facts.seals.findings.is_cut())
    return {Claim::kSealed, ClaimState::kNotProven, count + " hold, the closing one is not there"};
  return {Claim::kSealed, ClaimState::kProven,
          count + ", the first and the last countersigned by " + facts.policy->logs[0].name};
}

ClaimResult judge_complete(const Facts& facts) {
  if (facts.complete())
    return {Claim::kComplete, ClaimState::kProven,
            "from recorder.open to recorder.end, closed by a seal"};
  return {Claim::kComplete, ClaimState::kNotProven,
          facts.findings.is_cut() ? facts.findings.why_cut() : "the record is damaged"};
}

ClaimResult judge_inclusion(const Facts& facts) {
  const std::string count =
      std::to_string(facts.events.sealed) + " of " + std::to_string(facts.events.events);
  const bool all = facts.events.events > 0 && facts.events.sealed == facts.events.events;
  return {Claim::kInclusion, all ? ClaimState::kProven : ClaimState::kNotProven,
          count + " events are under the root of a seal"};
}

ClaimResult judge_loss(const Facts& facts) {
  if (!facts.complete())
    return {Claim::kLoss, ClaimState::kNotProven,
            "the record has no end; " + std::to_string(facts.lost) + " lost so far"};
  const std::string produced = std::to_string(facts.events.end->produced);
  return {Claim::kLoss, ClaimState::kProven,
          facts.lost == 0
              ? "none: the sensor produced " + produced + " records, all are here"
              : std::to_string(facts.lost) + " of " + produced + " sensor records lost, declared"};
}

ClaimResult judge_time(const Facts& facts) {
  if (facts.events.events == 0) return {Claim::kTime, ClaimState::kNotProven, "no events"};
  return {Claim::kTime, ClaimState::kNotProven,
          "the host's own clock: " + to_rfc3339(facts.events.first_real_ns) + " to " +
              to_rfc3339(facts.events.last_real_ns)};
}

ClaimResult judge(Claim claim, const Facts& facts) {
  if (facts.findings.failed(claim)) return {claim, ClaimState::kFailed, facts.findings.why(claim)};
  const bool whole = !facts.findings.failed() && facts.events.events > 0;
  const ClaimState if_whole = whole ? ClaimState::kProven : ClaimState::kNotProven;
  switch (claim) {
    case Claim::kContent:
      return {claim, if_whole, "payloads and files are those that were hashed"};
    case Claim::kInclusion:
      return judge_inclusion(facts);
    case Claim::kOrder:
      return {claim, if_whole, "events are numbered without a gap, segments chained"};
    case Claim::kComplete:
      return judge_complete(facts);
    case Claim::kSealed:
      return judge_sealed(facts);
    case Claim::kWitnessed:
      return {claim, ClaimState::kNotProven,
              "not witnessed: the operator could show different histories"};
    case Claim::kTime:
      return judge_time(facts);
    case Claim::kProfile:
      if (facts.events.profile_sha256_hex.empty())
        return {claim, ClaimState::kNotProven, "no recorder.open"};
      return {claim, ClaimState::kProven,
              "event 0 holds the profile " + facts.events.profile_sha256_hex};
    case Claim::kLoss:
      break;
  }
  return judge_loss(facts);
}

int exit_code(const Facts& facts) {
  if (facts.findings.failed()) return kFailed;
  if (!facts.complete()) return kIncomplete;
  if (!facts.policy) return kNoPolicy;
  return facts.lost > 0 ? kDeclaredLoss : kOk;
}

VerifyReport unreadable(std::string_view session, const std::string& why) {
  VerifyReport report;
  report.session = session;
  for (size_t i = 0; i < kClaims; ++i)
    report.claims.push_back({static_cast<Claim>(i), ClaimState::kNotProven, "not checked"});
  report.claims[0] = {Claim::kContent, ClaimState::kFailed, why};
  return report;
}

}  // namespace

VerifyReport verify_record(int record_dir_fd, const std::optional<evidence::TrustPolicy>& policy,
                           std::string_view session) {
  if (!is_ulid(session)) return unreadable(session, "not a session id");
  const auto reader = segments::RecordReader::open(record_dir_fd);
  if (!reader.ok()) return unreadable(session, to_string(reader.error()));
  const std::string seals_name(segments::kSealsName);
  std::string notes;
  Findings unread;
  if (reader.value().files().has_seals) {
    auto read = reader.value().read(seals_name, segments::kMaxSealsSize);
    if (read.ok())
      notes = read.take();
    else
      unread.fail(Claim::kSealed, to_string(read.error()),
                  {seals_name, std::nullopt, std::nullopt});
  }
  const CheckedSeals seals = check_seals(notes, session, policy);
  const CheckedEvents events = check_events(reader.value(), session, seals);
  Findings findings = events.findings;
  findings.add(unread);
  findings.add(seals.findings);
  const bool complete = seals.closed && !findings.is_cut() && !findings.failed();
  findings.add(check_blobs(reader.value(), events, complete));
  findings.add(check_loss(events, seals));

  uint64_t lost = seals.good.empty() ? 0 : seals.good.back().lost;
  if (events.end) lost = std::max(lost, events.end->lost);
  const Facts facts{policy, events, seals, findings, lost};
  VerifyReport report;
  report.session = session;
  report.exit = exit_code(facts);
  report.weakness = events.weakness;
  for (size_t i = 0; i < kClaims; ++i)
    report.claims.push_back(judge(static_cast<Claim>(i), facts));
  report.first_bad = findings.first_bad();
  report.events = events.events;
  report.lost = lost;
  return report;
}

}  // namespace carrel::verify
