// A lease in an answer is found however the answer is cut, and never passes whole before it is
// found.

#include <algorithm>

#include "launcher/gateway/http/secrets.h"
#include "tests/fuzz/target.h"

namespace {

constexpr std::string_view kLease = "s3cr/t+0f-me";

std::string hex_of(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

}  // namespace

FUZZ_TARGET(secret_scan) {
  using namespace carrel::gateway::http;
  static const auto kForms = SecretForms::create(carrel::Secret(std::string(kLease))).value();
  const uint8_t seed = carrel::fuzz::take_byte(input);
  SecretScanner whole(kForms);
  const bool found = whole.add(input);
  SecretScanner pieces(kForms);
  std::string passed;
  std::string waiting;
  carrel::fuzz::Pieces parts(input, seed);
  while (!parts.is_empty()) {
    const std::string_view part = parts.next();
    if (pieces.add(part)) break;
    waiting += part;
    const size_t passes = waiting.size() - std::min(pieces.held(), waiting.size());
    passed += waiting.substr(0, passes);
    waiting.erase(0, passes);
  }
  MUST(pieces.add("") == found);
  MUST(passed.find(kLease) == std::string::npos);
  for (const std::string& form :
       {std::string(kLease), hex_of(kLease), std::string("s3cr%2Ft%2b0f-me")})
    if (input.find(form) != std::string_view::npos) MUST(found);
}
