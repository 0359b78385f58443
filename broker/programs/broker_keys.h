#pragma once
// The broker's two long-lived keys, and what others need to believe them.

#include "broker/record/evidence/keys.h"
#include "profiles/base/result.h"

namespace carrel::programs {

/// They sign different kinds of text, so neither can be used to make the other's.
struct BrokerKeys {
  evidence::SigningKey seals;   // countersigns first and last seals
  evidence::SigningKey tokens;  // signs credentials
};

/// A key of this start alone, of its tickets or of its ssh certificates. It is never written down:
/// what one of an earlier start has signed is worth nothing, whoever kept it.
Result<evidence::SigningKey> make_key_of_start();

/// Reads keys/broker.ed25519 and keys/tokens.ed25519 (32-byte seeds, mode 0600) below the store, or
/// makes them for a store without records; a store that has records but no seal key is an Error,
/// because a new key would silently disown them. Writes trust.policy where it is missing and
/// jwks.json always.
Result<BrokerKeys> open_broker_keys(int store_fd, bool has_records);

}  // namespace carrel::programs
