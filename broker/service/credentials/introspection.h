#pragma once
// Whether a token still lives (RFC 7662, for the JWTs of an Issuer). Pure. No JSON of a
// token is read before its signature is known to be ours.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "broker/service/credentials/key_ring.h"

namespace carrel::credentials {

/// The longest token that is looked at, in bytes.
inline constexpr size_t kMaxToken = size_t{16} << 10;

/// Why a token is not active; for the log and tests. Whoever asks is never told.
enum class TokenState : uint8_t {
  kActive,
  kForm,       // too long, or not three parts of canonical base64url
  kKey,        // its header is not word for word the one of a key in the ring
  kSignature,  // not by that key
  kClaims,     // signed, but not the claims of a token of ours
  kIssuer,     // of an issuer of another name
  kEarly,      // before `nbf`
  kOver,       // at `exp` or later
  kSession,    // no such session lives here, or its end has begun
  kLease,      // the session lives, this lease of it does not
};

/// "active", "form", "key", … as above.
std::string_view word_of(TokenState state);

/// What has become of a lease: of the session of that id, the token of that `jti`.
enum class LeaseState : uint8_t { kLives, kNoSession, kNoLease };
using FindLease = std::function<LeaseState(const std::string& session, const std::string& jti)>;

struct Introspection {
  TokenState state = TokenState::kForm;
  std::string jti;  // "" unless the signature is ours
  std::string
      json;  // RFC 7662, 2.2: `active` first, then, if it is, the claims as they were signed
};

/// `issuer` is what `iss` has to be, byte for byte.
Introspection introspect(std::string_view token, const KeyRing& keys, std::string_view issuer,
                         uint64_t now_s, const FindLease& find);

}  // namespace carrel::credentials
