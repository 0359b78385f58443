#include "broker/service/credentials/introspection.h"

#include <array>
#include <optional>
#include <utility>

#include "profiles/base/text.h"
#include <nlohmann/json.hpp>

namespace carrel::credentials {
namespace {

using Json = nlohmann::ordered_json;  // members in the order in which they were signed

constexpr std::string_view kInactive = R"({"active":false})";
constexpr bool kThrows = false;

struct Parts {
  std::string_view header;  // as it stands there
  std::string_view signed_text;
  std::string claims;
  std::string signature;
};

std::optional<Parts> take_apart(std::string_view token) {
  if (token.size() > kMaxToken) return std::nullopt;
  const size_t first = token.find('.');
  const size_t last = token.rfind('.');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  // A dot between the two is no base64url.
  auto claims = from_base64url(token.substr(first + 1, last - first - 1));
  auto signature = from_base64url(token.substr(last + 1));
  if (!claims || !signature) return std::nullopt;
  return Parts{token.substr(0, first), token.substr(0, last), std::move(*claims),
               std::move(*signature)};
}

std::optional<std::string> text_claim(const Json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

std::optional<uint64_t> time_claim(const Json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end() || !found->is_number_unsigned()) return std::nullopt;
  return found->get<uint64_t>();
}

std::string active_json(const Json& claims) {
  Json out;
  out["active"] = true;
  for (const auto& [name, value] : claims.items())
    out[name] = value;
  out["active"] = true;
  out["token_type"] = "JWT";
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

TokenState judge(const Json& claims, const std::string& jti, std::string_view issuer,
                 uint64_t now_s, const FindLease& find) {
  const auto iss = text_claim(claims, "iss");
  const auto session = text_claim(claims, "sid");
  const auto not_before = time_claim(claims, "nbf");
  const auto not_after = time_claim(claims, "exp");
  if (jti.empty() || !iss || !session || !not_before || !not_after) return TokenState::kClaims;
  if (*iss != issuer) return TokenState::kIssuer;
  if (now_s < *not_before) return TokenState::kEarly;
  if (now_s >= *not_after) return TokenState::kOver;
  switch (find(*session, jti)) {
    case LeaseState::kNoSession:
      return TokenState::kSession;
    case LeaseState::kNoLease:
      return TokenState::kLease;
    case LeaseState::kLives:
      break;
  }
  return TokenState::kActive;
}

Introspection inactive(TokenState state, std::string jti = "") {
  return {state, std::move(jti), std::string(kInactive)};
}

}  // namespace

std::string_view word_of(TokenState state) {
  constexpr std::array<std::string_view, 10> kWords = {"active",  "form",   "key",   "signature",
                                                       "claims",  "issuer", "early", "over",
                                                       "session", "lease"};
  return kWords.at(static_cast<size_t>(state));
}

Introspection introspect(std::string_view token, const KeyRing& keys, std::string_view issuer,
                         uint64_t now_s, const FindLease& find) {
  const std::optional<Parts> parts = take_apart(token);
  if (!parts) return inactive(TokenState::kForm);
  const TokenKey* key = keys.of_header(parts->header);
  if (key == nullptr) return inactive(TokenState::kKey);
  if (!is_signed_by(key->jwk(), parts->signed_text, parts->signature)) {
    return inactive(TokenState::kSignature);
  }
  const Json claims = Json::parse(parts->claims, nullptr, kThrows);
  if (!claims.is_object()) return inactive(TokenState::kClaims);
  const std::string jti = text_claim(claims, "jti").value_or("");
  const TokenState state = judge(claims, jti, issuer, now_s, find);
  if (state != TokenState::kActive) return inactive(state, jti);
  return {state, jti, active_json(claims)};
}

}  // namespace carrel::credentials
