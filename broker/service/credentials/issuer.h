#pragma once
// Mints the tokens that a session's profile grants. A token is a signed JWT (RFC 7519, EdDSA by
// RFC 8037) for one audience, minutes long; an offline verifier refuses it at `exp`.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/record/evidence/keys.h"
#include "profiles/base/result.h"
#include "profiles/base/secret.h"
#include "profiles/base/world.h"

namespace carrel::credentials {

inline constexpr uint64_t kDefaultLifeS = 120;
inline constexpr uint64_t kLongestLifeS = 600;
/// `nbf` lies so many seconds before `iat`, for verifiers whose clock is behind.
inline constexpr uint64_t kClockSlackS = 30;

/// One [[credential]] of a profile.
struct Grant {
  std::string name;
  std::string audience;
  uint64_t life_s = kDefaultLifeS;
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

/// A minted token. Times in seconds since 1970.
struct Lease {
  std::string name;
  std::string id;  // a ULID, the token's `jti`
  std::string audience;
  Secret token;
  uint64_t issued = 0;
  uint64_t not_after = 0;
};

/// When a lease is to be renewed, in seconds since 1970: at half of its life, or `now` when that
/// has passed. Pure.
uint64_t next_renewal(uint64_t issued, uint64_t not_after, uint64_t now);

class Issuer {
 public:
  /// `name` is the claim `iss`, byte for byte what relying parties expect.
  Issuer(std::string name, evidence::SigningKey key, World world)
      : name_(std::move(name)), key_(std::move(key)), world_(std::move(world)) {}

  /// A token for the grant of that name. Refused: a name the holder's profile does not have, an
  /// empty audience or one with a wildcard, a life of 0 or above 10 minutes, ids that would be
  /// ambiguous in `sub`.
  Result<Lease> mint(const Holder& holder, std::string_view grant) const;
  /// What verifiers need: the JWK Set.
  [[nodiscard]] std::string jwks() const;
  [[nodiscard]] const evidence::PublicKey& public_key() const { return key_.public_key(); }

 private:
  std::string name_;
  evidence::SigningKey key_;
  World world_;
};

}  // namespace carrel::credentials
