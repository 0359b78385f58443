#include "broker/service/credentials/issuer.h"

#include <algorithm>

#include "broker/service/credentials/certificate.h"
#include "broker/service/credentials/jwk.h"
#include "profiles/base/header_secret.h"
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

Error wrong(const Grant& grant, const std::string& what) {
  return Error{"credential " + quoted(grant.name) + ": " + what};
}

Status check_source(const Grant& grant) {
  const std::string_view wanted = grant.kind == Kind::kX509 ? "ca:" : "secret:";
  if (grant.from.starts_with(wanted) && grant.from.size() > wanted.size()) return Done{};
  return wrong(grant, "from has to be \"" + std::string(wanted) +
                          "NAME\" for a credential of kind " + std::string(word_of(grant.kind)));
}

/// What the gateway could not put in, or not find in answers.
Status check_header(const Grant& grant, const Secret& value) {
  const std::string_view fault = header_secret_fault(value.expose());
  if (fault.empty()) return Done{};
  return wrong(grant, "what " + quoted(grant.from) + " gives fits into no header: it " +
                          std::string(fault) + "; it has to be " + std::string(kHeaderSecretWords));
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

std::string_view word_of(Kind kind) {
  switch (kind) {
    case Kind::kJwt:
      return "jwt";
    case Kind::kHeader:
      return "header";
    case Kind::kFile:
      return "file";
    case Kind::kX509:
      return "x509";
  }
  return "";
}

Result<Grant> find_grant(const Holder& holder, std::string_view name) {
  const auto found = std::find_if(holder.grants.begin(), holder.grants.end(),
                                  [name](const Grant& g) { return g.name == name; });
  if (found != holder.grants.end()) return *found;
  return Error{"credential " + quoted(name) + ": the profile has no such credential"};
}

Status check_grant(const Grant& grant) {
  const bool inside = grant.kind == Kind::kJwt || grant.kind == Kind::kFile;
  if (grant.life_s == 0 || grant.life_s > (inside ? kLongestLifeS : kLongestOutsideLifeS)) {
    return wrong(grant, inside ? "life must be 1 s to 10 min" : "life must be 1 s to 1 h");
  }
  if (grant.kind != Kind::kJwt) return check_source(grant);
  if (grant.audience.empty() || grant.audience.size() > 1024 || !is_utf8(grant.audience) ||
      grant.audience.find('*') != std::string::npos) {
    return wrong(grant, "not a single audience");
  }
  return Done{};
}

KeyRing Issuer::ring_of(evidence::SigningKey key) {
  KeyRing ring;
  ring.add(TokenKey(std::move(key)), 0);
  return ring;
}

Status Issuer::check(const Grant& grant) const {
  RETURN_IF_ERROR(check_grant(grant));
  if (grant.kind != Kind::kJwt || keys_.signer(grant.alg, 0) != nullptr) return Done{};
  return wrong(grant,
               "alg " + std::string(word_of(grant.alg)) +
                   " is for relying parties that find the issuer's keys by its name, and "
                   "this one has none: the admin has to write issuer = \"https://HOST\" into "
                   "issuer.toml of the state folder and start anew");
}

/// The lease without what it hands out.
Result<Lease> Issuer::begin(const Grant& grant, uint64_t until_s) const {
  RETURN_IF_ERROR(check_grant(grant));
  const uint64_t now_ns = world_.now_ns();
  ASSIGN_OR_RETURN(const std::string random, world_.random(10));
  Lease lease;
  lease.name = grant.name;
  lease.kind = grant.kind;
  lease.id = make_ulid(now_ns / 1'000'000, random);
  lease.audience = grant.audience;
  lease.issued = now_ns / kNsPerS;
  lease.not_after = std::min(lease.issued + grant.life_s, until_s);
  if (lease.not_after <= lease.issued) return wrong(grant, "what was granted of it is over");
  return lease;
}

Result<Lease> Issuer::mint(const Holder& holder, std::string_view name, uint64_t until_s) const {
  ASSIGN_OR_RETURN(const Grant grant, find_grant(holder, name));
  if (grant.kind != Kind::kJwt) return wrong(grant, "is no token");
  if (!fits_subject(holder.task) || !fits_subject(holder.profile)) {
    return wrong(grant, "task or profile id not fit for a subject");
  }
  RETURN_IF_ERROR(check(grant));
  ASSIGN_OR_RETURN(Lease lease, begin(grant, until_s));
  const TokenKey* key = keys_.signer(grant.alg, lease.issued);
  std::string token = key->header() + "." + to_base64url(claims_of(name_, holder, lease));
  ASSIGN_OR_RETURN(const std::string signature, key->sign(token));
  token += "." + to_base64url(signature);
  lease.token = Secret(std::move(token));
  return lease;
}

Result<Lease> Issuer::lease(const Holder& holder, std::string_view name, const Secret& value,
                            uint64_t until_s) const {
  ASSIGN_OR_RETURN(const Grant grant, find_grant(holder, name));
  if (grant.kind == Kind::kJwt) return wrong(grant, "is a token and needs no secret");
  ASSIGN_OR_RETURN(Lease lease, begin(grant, until_s));
  if (grant.kind == Kind::kHeader) RETURN_IF_ERROR(check_header(grant, value));
  if (grant.kind != Kind::kX509) {
    if (value.empty()) return wrong(grant, "the secret is empty");
    lease.secret = Secret(std::string(value.expose()));
    return lease;
  }
  ASSIGN_OR_RETURN(const std::string serial, world_.random(16));
  Result<ClientCertificate> client =
      certify_client(value, {"carrel:" + holder.session + ":" + lease.id, serial,
                             lease.issued - kClockSlackS, lease.not_after});
  if (!client.ok()) return wrong(grant, client.error().what);
  ClientCertificate taken = client.take();
  lease.certificate = std::move(taken.chain);
  lease.private_key = std::move(taken.private_key);
  return lease;
}

Introspection Issuer::introspect(std::string_view token, const FindLease& find) const {
  return credentials::introspect(token, keys_, name_, world_.now_ns() / kNsPerS, find);
}

}  // namespace carrel::credentials
