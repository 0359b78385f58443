#pragma once
// Mints the credentials that a session's profile grants, minutes long each: a signed JWT (RFC 7519;
// EdDSA by RFC 8037, ES256 and RS256 by RFC 7518) for one audience, which an offline verifier
// refuses at `exp`; a secret of the admin's, as a header or a file; a client certificate of an
// authority of the admin's.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/record/evidence/keys.h"
#include "broker/service/credentials/introspection.h"
#include "broker/service/credentials/key_ring.h"
#include "profiles/base/result.h"
#include "profiles/base/secret.h"
#include "profiles/base/world.h"

namespace carrel::credentials {

inline constexpr uint64_t kDefaultLifeS = 120;
inline constexpr uint64_t kLongestLifeS = 600;
/// Of what never comes into a workspace: certificates and headers.
inline constexpr uint64_t kLongestOutsideLifeS = 3600;
/// `nbf` lies so many seconds before `iat`, for verifiers whose clock is behind.
inline constexpr uint64_t kClockSlackS = 30;

/// What a credential is.
enum class Kind : uint8_t { kJwt, kHeader, kFile, kX509 };

/// "jwt", "header", "file" or "x509", as in profiles.
std::string_view word_of(Kind kind);

/// One [[credential]] of a profile.
struct Grant {
  std::string name;
  std::string audience;  // of a jwt
  uint64_t life_s = kDefaultLifeS;
  Kind kind = Kind::kJwt;
  std::string from = {};                  // of the other kinds: "secret:NAME", of an x509 "ca:NAME"
  Alg alg = Alg::kEdDsa;                  // of a jwt
  bool on_request = false;                // issued only while a request for it is granted
  std::vector<std::string> used_by = {};  // hosts whose rules put it in
};

/// On whose behalf tokens are made: the session and what stands in the claims about it.
struct Holder {
  std::string session;
  std::string task;
  std::string profile;
  uint64_t profile_version = 0;
  std::string contractor;  // the person's immutable id
  std::string purpose;
  std::vector<std::string> repositories;
  std::vector<Grant> grants;
};

/// A minted credential. Times in seconds since 1970.
struct Lease {
  std::string name;
  std::string id;  // a ULID; a token's `jti`
  std::string audience;
  Secret token;  // of a jwt
  uint64_t issued = 0;
  uint64_t not_after = 0;
  Kind kind = Kind::kJwt;
  Secret secret;            // of a header and a file: the value
  std::string certificate;  // of an x509: PEM, its own and the authority's
  Secret private_key;       // of an x509: PEM
};

/// When a lease is to be renewed, in seconds since 1970: at half of its life, or `now` when that
/// has passed. Pure.
uint64_t next_renewal(uint64_t issued, uint64_t not_after, uint64_t now);

/// The grant of that name, or an Error: the profile has none.
Result<Grant> find_grant(const Holder& holder, std::string_view name);

/// What is wrong with a grant: of a jwt no single audience; of another kind no source, or one of
/// the other sort (an authority's key is no secret to hand out); a life of 0 or above the longest.
Status check_grant(const Grant& grant);

class Issuer {
 public:
  /// `name` is the claim `iss`, byte for byte what relying parties expect.
  Issuer(std::string name, KeyRing keys, World world)
      : name_(std::move(name)), keys_(std::move(keys)), world_(std::move(world)) {}
  /// One that signs with EdDSA alone, by that key.
  Issuer(std::string name, evidence::SigningKey key, World world)
      : Issuer(std::move(name), ring_of(std::move(key)), std::move(world)) {}

  /// What check_grant() refuses, and a jwt of an algorithm that this issuer has no key of; the
  /// Error says what the admin has to configure.
  [[nodiscard]] Status check(const Grant& grant) const;
  /// A token for the grant of that name, good until `until_s` at the latest. Refused: a name the
  /// holder's profile does not have, what check() refuses, another kind than jwt, ids that would be
  /// ambiguous in `sub`, and what is over already.
  Result<Lease> mint(const Holder& holder, std::string_view grant,
                     uint64_t until_s = UINT64_MAX) const;
  /// A lease of another kind than jwt, from the value of its source. Refused: what check_grant()
  /// refuses; for a header a value that is none for it (header_secret.h); for a certificate what
  /// certify_client() refuses; what is over already. Its subject is "carrel:<session>:<lease>". No
  /// Error holds a byte of the value.
  Result<Lease> lease(const Holder& holder, std::string_view grant, const Secret& value,
                      uint64_t until_s = UINT64_MAX) const;
  /// Whether a token is one of this issuer's and its lease lives now, as `find` says.
  [[nodiscard]] Introspection introspect(std::string_view token, const FindLease& find) const;
  /// Signs with these from now on: those of before, without what is gone, with what is new.
  void use(KeyRing keys) { keys_ = std::move(keys); }
  /// What verifiers need: the JWK Set.
  [[nodiscard]] std::string jwks() const { return keys_.jwks(); }

 private:
  static KeyRing ring_of(evidence::SigningKey key);
  [[nodiscard]] Result<Lease> begin(const Grant& grant, uint64_t until_s) const;

  std::string name_;
  KeyRing keys_;
  World world_;
};

}  // namespace carrel::credentials
