// What comes to be introspected: no bytes but those of a token that the issuer signed are active,
// and whatever claims it has signed, the answer is one of the two that there are.

#include "broker/service/credentials/introspection.h"
#include "profiles/base/text.h"
#include "tests/fuzz/target.h"
#include <nlohmann/json.hpp>

namespace {

using namespace carrel::credentials;

constexpr uint64_t kNow = 1'700'000'000;
constexpr std::string_view kClaims =
    R"({"iss":"https://a","exp":1700000120,"nbf":1699999970,"jti":"j","sid":"s"})";

std::string signed_token(std::string_view claims) {
  static const TokenKey kKey(
      carrel::evidence::SigningKey::from_seed(carrel::Secret(std::string(32, 't'))).take());
  const std::string text = kKey.header() + "." + carrel::to_base64url(claims);
  return text + "." + carrel::to_base64url(kKey.sign(text).take());
}

Introspection ask(std::string_view token) {
  static const KeyRing kKeys = [] {
    KeyRing ring;
    ring.add(
        TokenKey(
            carrel::evidence::SigningKey::from_seed(carrel::Secret(std::string(32, 't'))).take()),
        0);
    return ring;
  }();
  const auto find = [](const std::string& session, const std::string& jti) {
    return session == "s" && jti == "j" ? LeaseState::kLives : LeaseState::kNoLease;
  };
  return introspect(token, kKeys, "https://a", kNow, find);
}

void check_answer(const Introspection& found) {
  const auto json = nlohmann::json::parse(found.json);
  const bool active = found.state == TokenState::kActive;
  MUST(json.at("active") == active);
  MUST(active || found.json == R"({"active":false})");
  MUST(!active || (found.json.starts_with(R"({"active":true,)") && json.at("iss") == "https://a" &&
                   json.at("exp") > kNow && json.at("nbf") <= kNow && json.at("sid") == "s"));
}

}  // namespace

FUZZ_TARGET(token) {
  static const std::string kGood = signed_token(kClaims);
  const Introspection found = ask(input);
  check_answer(found);
  MUST((found.state == TokenState::kActive) == (input == kGood));
  const std::string token = signed_token(input);
  const Introspection own = ask(token);
  check_answer(own);
  MUST(own.state != TokenState::kKey && own.state != TokenState::kSignature);
  MUST((own.state == TokenState::kForm) == (token.size() > kMaxToken));
}
