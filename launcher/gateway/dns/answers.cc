#include "launcher/gateway/dns/answers.h"

#include <charconv>
#include <optional>

#include "launcher/gateway/dns/name.h"

namespace carrel::gateway {
namespace {

constexpr uint16_t kBlocked = 15;
constexpr std::string_view kPointerZone = ".in-addr.arpa";

Decision denied(Reason reason, std::string name, std::string_view words) {
  Decision decision;
  decision.answer.code = Rcode::kNameError;
  decision.answer.extended_error = kBlocked;
  decision.answer.extended_text = words;
  decision.reason = reason;
  decision.name = std::move(name);
  return decision;
}

/// The address that "4.3.2.1.in-addr.arpa", a canonical name, asks about (RFC 1035 3.5).
std::optional<uint32_t> address_asked(std::string_view name) {
  if (!name.ends_with(kPointerZone)) return std::nullopt;
  name.remove_suffix(kPointerZone.size());
  uint32_t address = 0;
  for (int i = 0; i < 4; ++i) {
    const size_t dot = i == 3 ? name.size() : name.find('.');
    if (dot == std::string_view::npos || dot == 0 || dot > 3) return std::nullopt;
    uint32_t part = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + dot, part);
    if (error != std::errc() || end != name.data() + dot || part > 255) return std::nullopt;
    address |= part << (8 * i);
    name.remove_prefix(i == 3 ? dot : dot + 1);
  }
  return address;
}

}  // namespace

std::string_view to_word(Reason reason) {
  switch (reason) {
    case Reason::kAllowed:
      return "allowed";
    case Reason::kNoRecord:
      return "no-record";
    case Reason::kDenied:
      return "denied";
    case Reason::kNoName:
      return "no-name";
    case Reason::kFull:
      return "full";
    case Reason::kPointer:
      return "pointer";
  }
  return "unknown";
}

Decision decide(const Query& query, const Allowed& allowed, SyntheticNames& names) {
  if (query.type == kTypePtr && query.klass == kClassIn) {
    const Result<std::string> asked = canonical_name(query.name);
    const auto address = asked.ok() ? address_asked(asked.value()) : std::nullopt;
    const auto name = address.has_value() ? names.name_of(*address) : std::nullopt;
    if (!name.has_value()) return denied(Reason::kDenied, query.name, "no such address here");
    Decision decision;
    decision.answer.pointer = *name;
    decision.answer.ttl_s = kAnswerTtlS;
    decision.reason = Reason::kPointer;
    decision.name = *name;
    return decision;
  }
  const Result<std::string> name = canonical_name(query.name);
  if (!name.ok()) return denied(Reason::kNoName, query.name, "not a host's name");
  if (!allowed(name.value())) {
    return denied(Reason::kDenied, name.value(), "no rule of this task names it");
  }
  Decision decision;
  decision.name = name.value();
  decision.reason = Reason::kNoRecord;
  if (query.type != kTypeA || query.klass != kClassIn) return decision;
  decision.answer.address = names.give(name.value());
  decision.answer.ttl_s = kAnswerTtlS;
  decision.reason = Reason::kAllowed;
  if (decision.answer.address.has_value()) return decision;
  decision.answer.code = Rcode::kServerFailure;
  decision.reason = Reason::kFull;
  return decision;
}

}  // namespace carrel::gateway
