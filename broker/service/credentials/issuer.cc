#include "broker/service/credentials/issuer.h"

#include <algorithm>

#include "broker/record/evidence/sha256.h"
#include "broker/service/credentials/jwk.h"
#include "profiles/base/text.h"
#include "profiles/base/ulid.h"

namespace carrel::credentials {
namespace {

constexpr uint64_t kNsPerS = 1'000'000'000;

/// Trust policies match prefixes of `sub`: no id may hold its delimiter or a wildcard.
bool fits_subject(std::string_view id) {
  return !id.empty() && id.size() <= 200 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || c == '/';
  });
}

Status check_grant(const Grant& grant) {
  if (grant.audience.empty() || grant.audience.size() > 1024 || !is_utf8(grant.audience) ||
      grant.audience.find('*') != std::string::npos) {
    return Error{"credential " + quoted(grant.name) + ": not a single audience"};
  }
  if (grant.life_s == 0 || grant.life_s > kLongestLifeS) {
    return Error{"credential " + quoted(grant.name) + ": life must be 1 s to 10 min"};
  }
  return Done{};
}

std::string text_claim(std::string_view name, std::string_view value) {
  return ",\"" + std::string(name) + "\":" + json_string(value);
}

std::string number_claim(std::string_view name, uint64_t value) {
  return ",\"" + std::string(name) + "\":" + std::to_string(value);
}

std::string list_claim(std::string_view name, const std::vector<std::string>& values) {
  std::string list;
  for (const std::string& value : values)
    list.append(list.empty() ? "" : ",").append(json_string(value));
  return ",\"" + std::string(name) + "\":[" + list + "]";
}

std::string claims_of(const std::string& issuer, const Holder& holder, const Lease& lease) {
  return "{\"iss\":" + json_string(issuer) +
         text_claim("sub", "carrel:task:" + holder.task + ":profile:" + holder.profile) +
         text_claim("aud", lease.audience) + number_claim("exp", lease.not_after) +
         number_claim("iat", lease.issued) + number_claim("nbf", lease.issued - kClockSlackS) +
         text_claim("jti", lease.id) + text_claim("sid", holder.session) +
         text_claim("task", holder.task) + text_claim("profile", holder.profile) +
         number_claim("profile_rev", holder.profile_version) +
         text_claim("contractor", holder.contractor) + text_claim("purpose", holder.purpose) +
         list_claim("repo", holder.repositories) + "}";
}

}  // namespace

uint64_t next_renewal(uint64_t issued, uint64_t not_after, uint64_t now) {
  const uint64_t half = not_after > issued ? issued + (not_after - issued) / 2 : issued;
  return std::max(half, now);
}

Result<Lease> Issuer::mint(const Holder& holder, std::string_view grant) const {
  const auto found = std::find_if(holder.grants.begin(), holder.grants.end(),
                                  [grant](const Grant& g) { return g.name == grant; });
  if (found == holder.grants.end()) {
    return Error{"credential " + quoted(grant) + ": the profile has no such credential"};
  }
  RETURN_IF_ERROR(check_grant(*found));
  if (!fits_subject(holder.task) || !fits_subject(holder.profile)) {
    return Error{"credential " + quoted(grant) + ": task or profile id not fit for a subject"};
  }
  const uint64_t now_ns = world_.now_ns();
  ASSIGN_OR_RETURN(const std::string random, world_.random(10));
  Lease lease;
  lease.name = found->name;
  lease.id = make_ulid(now_ns / 1'000'000, random);
  lease.audience = found->audience;
  lease.issued = now_ns / kNsPerS;
  lease.not_after = lease.issued + found->life_s;
  const std::string header =
      R"({"alg":"EdDSA","kid":")" + key_thumbprint(key_.public_key()) + R"(","typ":"JWT"})";
  std::string token = to_base64url(header) + "." + to_base64url(claims_of(name_, holder, lease));
  ASSIGN_OR_RETURN(const evidence::Signature signature, key_.sign(token));
  token += "." + to_base64url(evidence::as_view(signature));
  lease.token = Secret(std::move(token));
  return lease;
}

std::string Issuer::jwks() const {
  return jwks_text(key_.public_key());
}

}  // namespace carrel::credentials
