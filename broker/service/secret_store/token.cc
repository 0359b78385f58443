#include "broker/service/secret_store/token.h"

#include <algorithm>
#include <utility>

namespace carrel::secret_store {

Step next_step(const std::optional<Token>& token, uint64_t now_ms) {
  constexpr uint64_t kMostMarginMs = 5000;
  if (!token.has_value()) return Step::kLogin;
  if (token->lease_ms == 0) return Step::kUse;
  const uint64_t used = now_ms - std::min(now_ms, token->since_ms);
  const uint64_t left = token->lease_ms - std::min(token->lease_ms, used);
  if (left <= std::min(kMostMarginMs, token->lease_ms / 20)) return Step::kLogin;
  if (left > token->lease_ms / 3 || !token->renewable) return Step::kUse;
  return Step::kRenew;
}

Token token_of(Login login, uint64_t asked_ms) {
  return {std::move(login.token), asked_ms, login.lease_s * 1000, login.renewable};
}

void renew(Token& token, const Login& granted, uint64_t asked_ms) {
  const uint64_t lease_ms = granted.lease_s * 1000;
  token.renewable = granted.renewable && (lease_ms == 0 || lease_ms >= token.lease_ms / 2);
  token.lease_ms = lease_ms;
  token.since_ms = asked_ms;
}

}  // namespace carrel::secret_store
