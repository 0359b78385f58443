#pragma once
// The broker's long-lived keys, and what others need to believe them.

#include <cstdint>
#include <string>

#include "broker/record/evidence/keys.h"
#include "broker/service/credentials/discovery.h"
#include "broker/service/credentials/key_ring.h"
#include "profiles/base/result.h"

namespace carrel::programs {

/// They sign different kinds of text, so neither can be used to make the other's.
struct BrokerKeys {
  evidence::SigningKey seals;   // countersigns first and last seals
  credentials::KeyRing tokens;  // sign credentials
};

/// A key of this start alone, of its tickets or of its ssh certificates. It is never written down:
/// what one of an earlier start has signed is worth nothing, whoever kept it.
Result<evidence::SigningKey> make_key_of_start();

/// The keys of tokens as they are to be now: made and dropped as plan_keys() says, and published in
/// jwks.json and by publish_issuer(), before any of them signs. To be called again from time to
/// time: where nothing is due, nothing is written.
Result<credentials::KeyRing> tend_token_keys(int store_fd, const credentials::IssuerNames& issuer,
                                             uint64_t now_s);

/// Reads keys/broker.ed25519 (a 32-byte seed) and the keys of tokens, keys/tokens.ALG.SECONDS (what
/// TokenKey::generate() gives; SECONDS since 1970 is when it was made; tokens.ed25519 is one of
/// before that was said), all of mode 0600, below the store. Makes what is missing for a store
/// without records; a store that has records but no seal key is an Error, because a new key would
/// silently disown them. Keys of tokens as by tend_token_keys(); without an issuer's name those of
/// ES256 and RS256 are not looked at. Writes trust.policy where it is missing.
Result<BrokerKeys> open_broker_keys(int store_fd, bool has_records,
                                    const credentials::IssuerNames& issuer, uint64_t now_s);

}  // namespace carrel::programs
