// Requests that ask for a token over HTTP: however they arrive they come to the same, and what is
// taken is bounded.

#include "launcher/cli/token/http_request.h"
#include "tests/fuzz/target.h"

namespace {

using namespace carrel::token;

struct Outcome {
  std::optional<Refused> refused;
  std::string token;
};

Outcome outcome_of(HttpRequest& request) {
  request.end();
  return {request.refused(), request.refused() ? "" : request.token()};
}

Outcome whole(std::string_view input) {
  HttpRequest request;
  (void)request.take(input);
  return outcome_of(request);
}

Outcome in_pieces(std::string_view input, uint8_t seed) {
  HttpRequest request;
  carrel::fuzz::Pieces pieces(input, seed);
  while (!pieces.is_empty() && request.take(pieces.next())) {
  }
  return outcome_of(request);
}

}  // namespace

FUZZ_TARGET(token_request) {
  const uint8_t seed = carrel::fuzz::take_byte(input);
  const Outcome outcome = whole(input);
  MUST(outcome.refused.has_value() == outcome.token.empty());
  MUST(outcome.token.size() <= kMaxToken);
  const Outcome other = in_pieces(input, seed);
  // One that is refused may be so for another reason.
  MUST(outcome.token == other.token);
  const auto token = token_of_form(input);
  MUST(!token.has_value() || !token->empty());
}
