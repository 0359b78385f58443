#pragma once
// How long a token is good for, and what to do before it is used. Pure.

#include <cstdint>
#include <optional>

#include "broker/service/secret_store/protocol.h"
#include "profiles/base/secret.h"

namespace carrel::secret_store {

/// Times are of one clock that goes on while the host sleeps (CLOCK_BOOTTIME), in milliseconds.
struct Token {
  Secret value;
  uint64_t since_ms = 0;
  uint64_t lease_ms = 0;  // 0: has no end
  bool renewable = false;
};

/// What comes before the next question.
enum class Step : uint8_t { kLogin, kRenew, kUse };

/// kUse while more than a third of the lease is left; then kRenew, where it can be renewed, until a
/// twentieth (at most 5 s) is left; then, and without a token, kLogin. One that cannot be renewed
/// is used until that margin.
Step next_step(const std::optional<Token>& token, uint64_t now_ms);

/// The token of a login that was asked for at `asked_ms`: what the way took is the store's.
Token token_of(Login login, uint64_t asked_ms);

/// After a renewal that the store granted. One that gives less than half of what the token had (its
/// greatest age comes near) is the last.
void renew(Token& token, const Login& granted, uint64_t asked_ms);

}  // namespace carrel::secret_store
