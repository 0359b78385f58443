#include <array>

#include "broker/record/events/json_text.h"
#include "broker/record/verify/verify.h"

namespace carrel::verify {
namespace {

constexpr std::array<std::string_view, 9> kClaimNames = {
    "CONTENT", "INCLUSION", "ORDER", "COMPLETE", "SEALED", "WITNESSED", "TIME", "PROFILE", "LOSS"};
constexpr std::array<std::string_view, 3> kStateNames = {"proven", "not proven", "failed"};
constexpr std::array<std::string_view, 3> kPolicyNames = {"file", "state", "none"};
constexpr std::array<std::string_view, 3> kPolicyWords = {
    "policy: the file you gave", "policy: this store's own; proves nothing against its operator",
    "no policy"};

std::string_view verdict(int exit) {
  switch (exit) {
    case 0:
      return "verified";
    case 2:
      return "checked, but nobody's key is trusted";
    case 3:
      return "verified, with declared loss";
    case 5:
      return "incomplete: right as far as it goes";
    default:
      return "FAILED";
  }
}

std::string padded(std::string_view text, size_t width) {
  return std::string(text) + std::string(width > text.size() ? width - text.size() : 0, ' ');
}

}  // namespace

std::string_view claim_name(Claim claim) {
  return kClaimNames[static_cast<size_t>(claim)];
}
std::string_view claim_state_name(ClaimState state) {
  return kStateNames[static_cast<size_t>(state)];
}

std::string render_text(const VerifyReport& report, PolicySource source) {
  std::string out = "session " + report.session + ": " + std::string(verdict(report.exit)) + "\n";
  for (const ClaimResult& claim : report.claims) {
    out += "  " + padded(claim_name(claim.claim), 11) + padded(claim_state_name(claim.state), 12) +
           claim.detail + "\n";
  }
  if (report.first_bad) {
    out += "first damage: " + report.first_bad->file;
    if (report.first_bad->offset) out += ", byte " + std::to_string(*report.first_bad->offset);
    if (report.first_bad->seq) out += ", event " + std::to_string(*report.first_bad->seq);
    out += "\n";
  }
  if (!report.weakness.empty()) out += report.weakness + "\n";
  return out + std::string(kPolicyWords[static_cast<size_t>(source)]) + "\n";
}

std::string render_json(const VerifyReport& report, PolicySource source) {
  std::string out;
  events::JsonObject line(&out);
  line.number("v", 1);
  line.bytes("session", report.session);
  line.integer("exit", report.exit);
  line.bytes("policy", kPolicyNames[static_cast<size_t>(source)]);
  line.raw("claims")->push_back('[');
  for (const ClaimResult& claim : report.claims) {
    if (&claim != report.claims.data()) out += ',';
    events::JsonObject object(&out);
    object.bytes("claim", claim_name(claim.claim));
    object.bytes("state", claim_state_name(claim.state));
    object.bytes("detail", claim.detail);
    object.end();
  }
  out += ']';
  if (report.first_bad) {
    events::JsonObject object(line.raw("first_bad"));
    object.bytes("file", report.first_bad->file);
    if (report.first_bad->offset)
      object.number("offset", *report.first_bad->offset);
    else
      object.null("offset");
    if (report.first_bad->seq)
      object.number("seq", *report.first_bad->seq);
    else
      object.null("seq");
    object.end();
  } else {
    line.null("first_bad");
  }
  line.number("lost", report.lost);
  if (report.weakness.empty()) {
    line.null("weakness");
  } else {
    line.bytes("weakness", report.weakness);
  }
  line.end();
  return out + "\n";
}

}  // namespace carrel::verify
