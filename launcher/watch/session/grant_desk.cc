#include "launcher/watch/session/grant_desk.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "broker/record/evidence/sha256.h"
#include "broker/wire/protocol/grant_text.h"
#include "launcher/watch/session/clock.h"
#include "profiles/base/rfc3339.h"
#include "profiles/base/text.h"
#include "profiles/decide/body_limits.h"
#include "profiles/model/credentials.h"
#include "profiles/model/words.h"
#include "profiles/parse/checks.h"
#include "profiles/parse/units.h"

namespace carrel::session {
namespace {

using protocol::GrantRequest;

static_assert(decide::kMostBody == parse::kMaxTransferBytes);

constexpr uint8_t kTold = 0, kNotUnderstood = 1;
constexpr uint32_t kHttps = 443;
constexpr size_t kMaxShown = 160;

GrantDesk::Asked no(const std::string& why) {
  return {{kNotUnderstood, "carrel: request: " + why + "\n"}, std::nullopt, {}};
}

/// HOST or HOST:PORT, as a profile would name it; an Error says what to write.
Status read_place(std::string_view text, GrantRequest& request) {
  const size_t colon = text.find(':');
  std::string host(text.substr(0, colon));
  std::transform(host.begin(), host.end(), host.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  if (host.ends_with('.')) host.pop_back();
  if (const parse::Complaint wrong = parse::check_host(host)) return Error{"the host " + *wrong};
  uint32_t port = kHttps;
  if (colon != std::string_view::npos) {
    const std::string_view digits = text.substr(colon + 1);
    const auto [end, bad] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    const bool good = bad == std::errc() && end == digits.data() + digits.size();
    if (!good || port == 0 || port > UINT16_MAX) return Error{"the port is one of 1 to 65535"};
  }
  request.set_host(host);
  request.set_port(port);
  return Done{};
}

/// A duration from now, or a moment.
Result<uint64_t> read_until(std::string_view text, uint64_t now_ns) {
  if (const auto moment = from_rfc3339(text)) {
    if (*moment <= now_ns) return Error{"that moment has passed"};
    return *moment;
  }
  const Result<uint64_t> seconds = parse::parse_duration(text);
  constexpr uint64_t kLongest = uint64_t{365} * 86400;
  if (!seconds.ok() || seconds.value() == 0 || seconds.value() > kLongest) {
    return Error{"the time is a duration like 30m or 2h, or a moment like 2026-12-31T18:00:00Z"};
  }
  return now_ns + seconds.value() * kNsPerS;
}

std::string mode_of(const model::Profile& profile, const GrantRequest& request, bool tcp) {
  if (tcp) return "tcp";
  return decide::can_inspect(profile, request.host()) ? "inspect" : "passthrough";
}

/// "23:05:00 UTC", to the second.
std::string moment_text(uint64_t ns) {
  return to_rfc3339(ns).substr(0, 19) + "Z";
}

std::string place_of(const GrantRequest& request) {
  if (protocol::is_for_credential(request)) {
    return "credential " + quoted(request.credential()) + " (" + quoted(request.kind()) + ")";
  }
  return quoted(request.host()) + " port " + std::to_string(request.port()) + " (" +
         quoted(request.mode()) + ")";
}

std::string shown(std::string_view text) {
  return quoted(text.substr(0, kMaxShown));
}

GrantDesk::Asked said(const std::string& what) {
  return {{kTold, "carrel: " + what + "\n"}, std::nullopt, {}};
}

/// What stands between the NULs.
template <size_t N>
std::array<std::string_view, N> fields_of(std::string_view subject) {
  std::array<std::string_view, N> fields;
  for (std::string_view& field : fields) {
    field = subject.substr(0, subject.find('\0'));
    subject.remove_prefix(std::min(field.size() + 1, subject.size()));
  }
  return fields;
}

/// The profile's word on what may be asked for.
std::string unknown_text(const model::Profile& profile, std::string_view name) {
  std::string known;
  for (const model::Credential& each : profile.credentials) {
    if (each.issue != model::CredentialIssue::kRequest) continue;
    known += (known.empty() ? "" : ", ") + quoted(each.name);
  }
  return "this task's profile has no credential \"" + shown(name) + "\"; " +
         (known.empty() ? "none of its can be asked for" : "what can be asked for: " + known);
}

/// Where one is found that there is.
std::string found_text(const model::Profile& profile, const model::Credential& credential) {
  if (!model::is_outside(credential.kind)) {
    return "a file below /run/carrel/credentials/" + quoted(credential.name);
  }
  std::string hosts;
  for (const std::string& host : model::users_of(profile, credential.name))
    hosts += (hosts.empty() ? "" : ", ") + quoted(host);
  return hosts.empty() ? "no rule of the network uses it" : "the gateway uses it for " + hosts;
}

/// Why a port whose requests are read cannot be granted for any bytes, and what can be done.
std::string read_text(const GrantRequest& request, const std::string& task) {
  const std::string host = quoted(request.host());
  return host + " port " + std::to_string(request.port()) +
         " is inspected: a grant for any bytes would end that, and no credential would be put in "
         "there.\n  Ask without --tcp: every request passes then, uploads and git pushes, too. For "
         "what is no HTTP ask whoever\n  grants task " +
         quoted(task) + " to change mode in the [[network]] table of " + host;
}

protocol::GatewayGrant gateway_grant(const GrantRequest& request, uint64_t left_ns) {
  protocol::GatewayGrant grant;
  grant.set_id(request.id());
  grant.set_host(request.host());
  grant.set_port(request.port());
  grant.set_mode(request.mode());
  grant.set_left_ms(left_ns / kNsPerMs);
  return grant;
}

}  // namespace

inside::Answer GrantDesk::told(const GrantRequest& request, bool shortened) const {
  std::string text = "carrel: asked: request " + request.id() + ": " + place_of(request) +
                     " until " + moment_text(request.until_ns()) + "; whoever grants task " +
                     quoted(spec_.task()) + " decides: carrel approvals\n";
  if (shortened) text += "  Not longer than this session may last.\n";
  if (request.mode() == "passthrough") {
    text +=
        "  TLS alone passes then, unread: this session's certificates are for the names that its "
        "profile\n  inspects. What is no TLS needs --tcp.\n";
  }
  return {kTold, std::move(text)};
}

const GrantDesk::Open* GrantDesk::same(const GrantRequest& request) const {
  const auto found = std::find_if(open_.begin(), open_.end(), [&request](const auto& each) {
    const GrantRequest& other = each.second.request;
    return other.host() == request.host() && other.port() == request.port() &&
           other.mode() == request.mode() && other.credential() == request.credential();
  });
  return found == open_.end() ? nullptr : &found->second;
}

/// Reason, end and number of a request; whether its end is the session's.
Result<bool> GrantDesk::read_terms(std::string_view until_text, std::string_view reason, Now now,
                                   std::optional<uint64_t> session_end_ns,
                                   GrantRequest& request) const {
  ASSIGN_OR_RETURN(const uint64_t until, read_until(until_text, now.real_ns));
  const bool shortened = session_end_ns.has_value() && until > *session_end_ns;
  // To the second: as it is shown to whoever decides, who may write it down.
  request.set_until_ns((shortened ? *session_end_ns : until) / kNsPerS * kNsPerS);
  if (request.until_ns() <= now.real_ns) return Error{"this session is about to end"};
  request.set_reason(std::string(reason));
  request.set_id(std::to_string(asked_ + 1));
  if (!protocol::check_grant_request(request).ok()) {
    return Error{"the reason is one line of 1 to 1024 bytes"};
  }
  return shortened;
}

GrantDesk::Asked GrantDesk::ask(std::string_view subject, decide::Grants live, Now now,
                                std::optional<uint64_t> session_end_ns) {
  const auto fields = fields_of<4>(subject);
  GrantRequest request;
  const Status place = read_place(fields[0], request);
  if (!place.ok()) return no(place.error().what);
  if (!fields[1].empty() && fields[1] != "tcp") return no("not understood");
  request.set_mode(mode_of(profile_, request, fields[1] == "tcp"));
  const Result<bool> shortened = read_terms(fields[2], fields[3], now, session_end_ns, request);
  if (!shortened.ok()) return no(shortened.error().what);
  const auto decision =
      decide::decide_flow(profile_, request.host(), static_cast<uint16_t>(request.port()), live);
  Result<model::Network> network =
      decide::granted_network(profile_, request.host(), request.port(), request.mode());
  if (!network.ok()) return no(network.error().what);
  if (decision.verdict == decide::Verdict::kAllowed) {
    if (auto told = needless(request, *decision.network, live)) return std::move(*told);
  }
  request.set_puts_in(network.value().credential);
  return open(std::move(request), network.take(), shortened.value());
}

/// Of a port that may be reached: where a grant would let nothing more pass, or take away that its
/// requests are read.
std::optional<GrantDesk::Asked> GrantDesk::needless(GrantRequest request,
                                                    const model::Network& reached,
                                                    decide::Grants live) const {
  using model::NetworkMode;
  const auto port = static_cast<uint16_t>(request.port());
  const bool reads = reached.mode == NetworkMode::kInspect;
  if (reads && request.mode() != "inspect") return no(read_text(request, spec_.task()));
  const bool whole = reads ? decide::passes_every_request(live, request.host(), port)
                           : reached.mode == NetworkMode::kTcp || request.mode() != "tcp";
  if (!whole) return std::nullopt;
  request.set_mode(std::string(model::word_of(model::kNetworkModeWords, reached.mode)));
  return said(place_of(request) + " may be reached already");
}

/// Where there is nothing to ask for.
std::optional<GrantDesk::Asked> GrantDesk::already(const model::Credential& credential) const {
  const std::string name = "credential " + quoted(credential.name);
  if (credential.issue == model::CredentialIssue::kStart) {
    return said(name + " is there from the start: " + found_text(profile_, credential));
  }
  for (const auto& [id, live] : live_) {
    if (live.open.request.credential() != credential.name) continue;
    return said(name + " is granted already, until " + moment_text(live.until_ns) + " (request " +
                id + "): " + found_text(profile_, credential));
  }
  return std::nullopt;
}

GrantDesk::Asked GrantDesk::ask_credential(std::string_view subject, Now now,
                                           std::optional<uint64_t> session_end_ns) {
  const auto fields = fields_of<3>(subject);
  const model::Credential* credential = model::find_credential(profile_, fields[0]);
  if (credential == nullptr) return no(unknown_text(profile_, fields[0]));
  if (auto told = already(*credential)) return std::move(*told);
  GrantRequest request;
  request.set_credential(credential->name);
  request.set_kind(std::string(model::word_of(model::kCredentialKindWords, credential->kind)));
  request.set_audience(credential->audience);
  request.set_from(credential->from);
  for (const std::string& host : model::users_of(profile_, credential->name))
    request.add_used_by(host);
  const Result<bool> shortened = read_terms(fields[1], fields[2], now, session_end_ns, request);
  if (!shortened.ok()) return no(shortened.error().what);
  return open(std::move(request), std::nullopt, shortened.value());
}

bool GrantDesk::has_credential(std::string_view name) const {
  return std::any_of(live_.begin(), live_.end(), [name](const auto& each) {
    return each.second.open.request.credential() == name;
  });
}

GrantDesk::Asked GrantDesk::open(GrantRequest request, std::optional<model::Network> network,
                                 bool shortened) {
  if (const Open* open = same(request)) {
    return said("asked already: request " + open->request.id());
  }
  if (open_.size() >= kMostOpen || asked_ >= kMostAsked) {
    return no("too many requests wait to be decided");
  }
  ++asked_;
  Open open{request, std::move(network), "", ""};
  open.text = protocol::grant_text(spec_.session(), spec_.person(), spec_.task(), request);
  open.text_sha256 = std::string(evidence::as_view(evidence::sha256(open.text)));
  events::GrantChange event{"requested",    request.id(),     open.text,         open.text_sha256,
                            spec_.person(), request.reason(), request.until_ns()};
  open_.emplace(request.id(), std::move(open));
  return {told(request, shortened), request, std::move(event)};
}

std::optional<GrantDesk::Change> GrantDesk::take(const protocol::GrantAnswer& answer, Now now) {
  const auto found = open_.find(answer.id());
  if (found == open_.end() || found->second.text_sha256 != answer.text_sha256()) {
    return std::nullopt;
  }
  const Open open = found->second;
  const uint64_t until_ns = answer.approved() ? answer.until_ns() : 0;
  if (answer.approved() && (until_ns > open.request.until_ns() || until_ns <= now.real_ns)) {
    return std::nullopt;
  }
  open_.erase(found);
  Change change;
  std::string reason = answer.reason();
  if (!answer.conflict().empty()) {
    reason += (reason.empty() ? "" : " ") + ("(" + answer.conflict() + ")");
  }
  change.event = {answer.approved() ? "approved" : "refused",
                  open.request.id(),
                  open.text,
                  open.text_sha256,
                  answer.person(),
                  reason,
                  until_ns};
  change.line = "carrel: request " + open.request.id() + ", " + place_of(open.request) + ", is " +
                change.event.action + " by " + shown(answer.person()) +
                (reason.empty() ? "" : ": " + shown(reason));
  if (!answer.approved()) {
    change.line += ".\n";
    return change;
  }
  change.line += "; until " + moment_text(until_ns) + ".\n";
  const uint64_t left_ns = until_ns - now.real_ns;
  live_.emplace(open.request.id(), Live{open, until_ns, now.mono_ns + left_ns});
  if (!open.network.has_value()) {
    change.credential = open.request.credential();
    change.credential_until_ns = until_ns;
    return change;
  }
  change.gateway = gateway_grant(open.request, left_ns);
  change.network = open.network;
  return change;
}

std::vector<protocol::GatewayGrant> GrantDesk::granted(Now now) const {
  std::vector<protocol::GatewayGrant> out;
  for (const auto& [id, live] : live_) {
    const bool over = now.real_ns >= live.until_ns || now.mono_ns >= live.until_mono_ns;
    if (over || !live.open.network.has_value()) continue;
    const uint64_t left_ns =
        std::min(live.until_ns - now.real_ns, live.until_mono_ns - now.mono_ns);
    out.push_back(gateway_grant(live.open.request, left_ns));
  }
  return out;
}

GrantDesk::Change GrantDesk::ended(const Open& open, const std::string& why,
                                   uint64_t until_ns) const {
  Change change;
  change.event = {"ended", open.request.id(), open.text, open.text_sha256, "", why, until_ns};
  change.line =
      "carrel: request " + open.request.id() + ", " + place_of(open.request) + ": " + why + ".\n";
  if (!open.network.has_value()) {
    change.credential = open.request.credential();
    return change;
  }
  protocol::GatewayGrant& grant = change.gateway.emplace();
  grant.set_id(open.request.id());
  grant.set_ended(true);
  return change;
}

std::vector<GrantDesk::Change> GrantDesk::over(Now now) {
  std::vector<Change> out;
  std::erase_if(live_, [&](const auto& each) {
    const Live& live = each.second;
    if (now.real_ns < live.until_ns && now.mono_ns < live.until_mono_ns) return false;
    out.push_back(ended(live.open, "what was granted has ended", live.until_ns));
    return true;
  });
  std::erase_if(open_, [&](const auto& each) {
    const Open& open = each.second;
    if (now.real_ns < open.request.until_ns()) return false;
    out.push_back(ended(open, "nobody decided in time", open.request.until_ns()));
    out.back().gateway.reset();
    out.back().credential.clear();
    return true;
  });
  return out;
}

std::optional<GrantDesk::Change> GrantDesk::fail_credential(const std::string& name,
                                                            const std::string& why) {
  const auto found = std::find_if(live_.begin(), live_.end(), [&name](const auto& each) {
    return each.second.open.request.credential() == name;
  });
  if (name.empty() || found == live_.end()) return std::nullopt;
  Change change = ended(found->second.open, why, found->second.until_ns);
  live_.erase(found);
  return change;
}

std::vector<GrantDesk::Change> GrantDesk::end_all() {
  std::vector<Change> out;
  for (const auto& [id, live] : live_)
    out.push_back(ended(live.open, "the session has ended", live.until_ns));
  live_.clear();
  open_.clear();
  return out;
}

}  // namespace carrel::session
