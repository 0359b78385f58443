// Every way in which a token is not active, each beside the same token that is.

#include "broker/service/credentials/introspection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "broker/service/credentials/issuer.h"
#include "profiles/base/text.h"
#include "tests/unit/broker/service/credentials/tokens.h"
#include <nlohmann/json.hpp>

namespace carrel::credentials {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kNow = 1'700'000'000;
constexpr std::string_view kIssuer = "https://id.example.org/carrel";
constexpr std::string_view kSession = "01hzx00000000000000000000a";
constexpr std::string_view kInactive = R"({"active":false})";

TokenKey new_key(Alg alg) {
  return TokenKey::read(alg, TokenKey::generate(alg).take()).take();
}

/// Keys are made once: those of RSA take their time.
struct Ring {
  Ring() {
    for (const Alg alg : kAlgs) {
      Secret kept = TokenKey::generate(alg).take();
      keys.add(TokenKey::read(alg, kept).take(), 0);
      own.push_back(TokenKey::read(alg, kept).take());
      strange.push_back(new_key(alg));
    }
  }
  KeyRing keys;
  std::vector<TokenKey> own;      // the same
  std::vector<TokenKey> strange;  // of somebody else
};

const Ring& ring() {
  static const Ring made;
  return made;
}

Json some_claims() {
  return {{"iss", kIssuer},      {"sub", "carrel:task:local/demo:profile:demo"},
          {"aud", "https://a"},  {"exp", kNow + 120},
          {"iat", kNow},         {"nbf", kNow - 30},
          {"jti", "lease-1"},    {"sid", kSession},
          {"task", "local/demo"}};
}

std::string signed_by(const TokenKey& key, const std::string& header, const std::string& claims) {
  const std::string text = header + "." + to_base64url(claims);
  return text + "." + to_base64url(key.sign(text).take());
}

std::string token_of(const TokenKey& key, const Json& claims = some_claims()) {
  return signed_by(key, key.header(), claims.dump());
}

struct Asked {
  std::string session;
  std::string jti;
  int times = 0;
};

Introspection ask(std::string_view token, LeaseState lease = LeaseState::kLives,
                  uint64_t now_s = kNow, Asked* asked = nullptr) {
  const auto find = [&](const std::string& session, const std::string& jti) {
    if (asked != nullptr) *asked = {session, jti, asked->times + 1};
    return lease;
  };
  return introspect(token, ring().keys, kIssuer, now_s, find);
}

/// Why the token is not active; the answer is the same whatever the reason.
TokenState why_not(std::string_view token, LeaseState lease = LeaseState::kLives,
                   uint64_t now_s = kNow) {
  const Introspection found = ask(token, lease, now_s);
  EXPECT_EQ(found.json, found.state == TokenState::kActive ? found.json : std::string(kInactive));
  return found.state;
}

class EachAlg : public testing::TestWithParam<size_t> {
 protected:
  const TokenKey& key() const { return ring().own[GetParam()]; }
  const TokenKey& stranger() const { return ring().strange[GetParam()]; }
};

TEST_P(EachAlg, ATokenThatLivesIsAnsweredWithItsOwnClaimsAndNoMore) {
  Asked asked;
  const Introspection found = ask(token_of(key()), LeaseState::kLives, kNow, &asked);
  EXPECT_EQ(found.state, TokenState::kActive);
  EXPECT_EQ(found.jti, "lease-1");
  EXPECT_EQ(asked.session, kSession);
  EXPECT_EQ(asked.jti, "lease-1");
  EXPECT_EQ(found.json,
            R"({"active":true,"iss":"https://id.example.org/carrel",)"
            R"("sub":"carrel:task:local/demo:profile:demo","aud":"https://a","exp":1700000120,)"
            R"("iat":1700000000,"nbf":1699999970,"jti":"lease-1",)"
            R"("sid":"01hzx00000000000000000000a","task":"local/demo","token_type":"JWT"})");
}

TEST_P(EachAlg, OneBitOfAnyPartMakesItAnother) {
  const std::string token = token_of(key());
  ASSERT_EQ(why_not(token), TokenState::kActive);
  const auto parts = parts_of(token);
  for (size_t part = 0; part < parts.size(); ++part) {
    const std::string bytes = *carrel::from_base64url(parts[part]);
    for (size_t bit = 0; bit < bytes.size() * 8; bit += 37) {
      std::string changed = bytes;
      changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
      auto others = parts;
      others[part] = to_base64url(changed);
      const auto state = why_not(others[0] + "." + others[1] + "." + others[2]);
      EXPECT_EQ(state, part == 0 ? TokenState::kKey : TokenState::kSignature) << part << " " << bit;
    }
  }
}

TEST_P(EachAlg, AStrangersKeyIsNone) {
  EXPECT_EQ(why_not(token_of(stranger())), TokenState::kKey);
  // With the name of ours.
  EXPECT_EQ(why_not(signed_by(stranger(), key().header(), some_claims().dump())),
            TokenState::kSignature);
}

TEST_P(EachAlg, TheAlgorithmIsTheKeysToSay) {
  const auto header = [this](const std::string& alg, const std::string& kid) {
    return to_base64url(Json{{"alg", alg}, {"kid", kid}, {"typ", "JWT"}}.dump());
  };
  const std::string own(word_of(key().jwk().alg));
  EXPECT_EQ(header(own, key().kid()), key().header());
  for (const std::string& alg : {std::string("none"), std::string("HS256"), std::string("None"),
                                 std::string("ES384"), std::string()}) {
    EXPECT_EQ(why_not(signed_by(key(), header(alg, key().kid()), some_claims().dump())),
              TokenState::kKey);
  }
  for (const TokenKey& other : ring().own) {
    if (other.kid() == key().kid()) continue;
    EXPECT_EQ(why_not(signed_by(key(), header(own, other.kid()), some_claims().dump())),
              TokenState::kKey);
    EXPECT_EQ(why_not(signed_by(key(), other.header(), some_claims().dump())),
              TokenState::kSignature);
  }
  // Nothing but the header as the issuer writes it, not even one that says the same.
  for (const std::string& same :
       {R"({"kid":")" + key().kid() + R"(","alg":")" + own + R"(","typ":"JWT"})",
        R"({"alg": ")" + own + R"(","kid":")" + key().kid() + R"(","typ":"JWT"})",
        R"({"alg":")" + own + R"(","kid":")" + key().kid() + R"(","typ":"JWT","crit":["x"]})",
        R"({"alg":")" + own + R"(","typ":"JWT"})", std::string()}) {
    EXPECT_EQ(why_not(signed_by(key(), to_base64url(same), some_claims().dump())),
              TokenState::kKey);
  }
}

INSTANTIATE_TEST_SUITE_P(Introspection, EachAlg, testing::Range<size_t>(0, kAlgs.size()),
                         [](const auto& one) { return std::string(word_of(kAlgs.at(one.param))); });

TEST(Introspection, IsOfThreePartsInTheOneWayOfWritingThem) {
  const std::string token = token_of(ring().own[0]);
  ASSERT_EQ(why_not(token), TokenState::kActive);
  const auto parts = parts_of(token);
  const std::string head = parts[0] + "." + parts[1];
  for (const std::string& none :
       {std::string(), std::string("."), std::string(".."), std::string("..."), parts[0], head,
        token + ".", token + "." + parts[2], "." + token, token + "=", token + "\n", " " + token,
        head + "." + parts[2].substr(1), parts[0] + ". " + parts[1] + "." + parts[2]}) {
    const TokenState state = why_not(none);
    EXPECT_TRUE(state == TokenState::kForm || state == TokenState::kKey ||
                state == TokenState::kSignature)
        << none << " " << word_of(state);
  }
  EXPECT_EQ(why_not(token + "."), TokenState::kForm);
  EXPECT_EQ(why_not(token + "=="), TokenState::kForm);
  // Of 64 bytes the last of 86 letters has four bits that say nothing: they have to be zero.
  ASSERT_EQ(parts[2].size(), 86U);
  std::string bent = token;
  for (const char letter : std::string("BCDEFGHIJKLMNOP")) {
    bent.back() = static_cast<char>(token.back() + (letter - 'A'));
    EXPECT_EQ(why_not(bent), TokenState::kForm) << letter;
  }
  // The other alphabet.
  std::string other = token;
  std::replace(other.begin(), other.end(), '-', '+');
  std::replace(other.begin(), other.end(), '_', '/');
  EXPECT_EQ(why_not(other) == TokenState::kActive, other == token);
}

TEST(Introspection, LooksAtNoTokenThatIsLongerThanAnyOfOurs) {
  Json claims = some_claims();
  claims["purpose"] = "";
  const TokenKey& key = ring().own[0];
  while (token_of(key, claims).size() < kMaxToken)
    claims["purpose"] = claims["purpose"].get<std::string>() + "x";
  const std::string longest = token_of(key, claims);
  ASSERT_EQ(longest.size(), kMaxToken);
  EXPECT_EQ(why_not(longest), TokenState::kActive);
  claims["purpose"] = claims["purpose"].get<std::string>() + "xx";
  ASSERT_GT(token_of(key, claims).size(), kMaxToken);
  EXPECT_EQ(why_not(token_of(key, claims)), TokenState::kForm);
  EXPECT_EQ(why_not(std::string(1 << 20, '.')), TokenState::kForm);
}

TEST(Introspection, IsOfThisIssuerByteForByte) {
  const TokenKey& key = ring().own[0];
  for (const char* iss : {"https://id.example.org/carrel/", "https://id.example.org/Carrel",
                          "https://id.example.org/carre", "carrel.local", ""}) {
    Json claims = some_claims();
    claims["iss"] = iss;
    EXPECT_EQ(why_not(token_of(key, claims)), TokenState::kIssuer) << iss;
  }
}

TEST(Introspection, LivesFromNbfToTheSecondBeforeExp) {
  const std::string token = token_of(ring().own[0]);
  const auto at = [&token](uint64_t now_s) { return why_not(token, LeaseState::kLives, now_s); };
  EXPECT_EQ(at(kNow - 31), TokenState::kEarly);
  EXPECT_EQ(at(kNow - 30), TokenState::kActive);
  EXPECT_EQ(at(kNow + 119), TokenState::kActive);
  EXPECT_EQ(at(kNow + 120), TokenState::kOver);
  EXPECT_EQ(at(UINT64_MAX), TokenState::kOver);
}

TEST(Introspection, EndsWithItsSessionAndItsLease) {
  const std::string token = token_of(ring().own[0]);
  EXPECT_EQ(why_not(token, LeaseState::kLives), TokenState::kActive);
  EXPECT_EQ(why_not(token, LeaseState::kNoSession), TokenState::kSession);
  EXPECT_EQ(why_not(token, LeaseState::kNoLease), TokenState::kLease);
  EXPECT_EQ(ask(token, LeaseState::kNoSession).jti, "lease-1") << "for the log";
}

TEST(Introspection, TakesNoClaimsThatAreNotOurs) {
  const TokenKey& key = ring().own[0];
  for (const char* name : {"iss", "sid", "jti", "nbf", "exp"}) {
    Json claims = some_claims();
    claims.erase(name);
    EXPECT_EQ(why_not(token_of(key, claims)), TokenState::kClaims) << name;
    for (const Json& other :
         {Json(nullptr), Json(true), Json(-1), Json(1.5), Json::array(), Json::object(),
          Json(name[0] == 'n' || name[0] == 'e' ? Json("1") : Json(1))}) {
      claims = some_claims();
      claims[name] = other;
      EXPECT_EQ(why_not(token_of(key, claims)), TokenState::kClaims) << name << other;
    }
  }
  Json claims = some_claims();
  claims["jti"] = "";
  EXPECT_EQ(why_not(token_of(key, claims)), TokenState::kClaims);
  for (const std::string& none :
       {std::string(), std::string("{"), std::string("[]"), std::string("1"), std::string("\"\""),
        std::string("{}"), std::string("{\"a\":\"\xFF\"}"), std::string(9000, '[')}) {
    EXPECT_EQ(why_not(signed_by(key, key.header(), none)), TokenState::kClaims) << none;
  }
}

TEST(Introspection, SaysItselfWhetherATokenIsActive) {
  Json claims = some_claims();
  claims["active"] = false;
  claims["token_type"] = "x";
  const Json answer = Json::parse(ask(token_of(ring().own[0], claims)).json);
  EXPECT_EQ(answer["active"], true);
  EXPECT_EQ(answer["token_type"], "JWT");
  EXPECT_TRUE(ask(token_of(ring().own[0], claims)).json.starts_with(R"({"active":true,)"));
}

TEST(Introspection, AsksForTheLeaseOfAGoodTokenAlone) {
  Asked asked;
  (void)ask(token_of(ring().strange[0]), LeaseState::kLives, kNow, &asked);
  (void)ask("", LeaseState::kLives, kNow, &asked);
  (void)ask(token_of(ring().own[0]), LeaseState::kLives, kNow + 120, &asked);
  EXPECT_EQ(asked.times, 0);
  EXPECT_EQ(ask(token_of(ring().strange[0])).jti, "");
}

TEST(Introspection, ReasonsHaveAWordEach) {
  EXPECT_EQ(word_of(TokenState::kActive), "active");
  EXPECT_EQ(word_of(TokenState::kSignature), "signature");
  EXPECT_EQ(word_of(TokenState::kLease), "lease");
}

TEST(Introspection, KnowsTheTokensThatItsIssuerMints) {
  const World world{[] { return kNow * 1'000'000'000 + 999'999'999; },
                    [](size_t n) { return Result<std::string>(std::string(n, '\x01')); }};
  KeyRing keys;
  for (const Alg alg : kAlgs)
    keys.add(new_key(alg), 0);
  const Issuer issuer(std::string(kIssuer), std::move(keys), world);
  for (const Alg alg : kAlgs) {
    const Holder holder{std::string(kSession),
                        "local/demo",
                        "demo",
                        3,
                        "local:1000",
                        "testing",
                        {"app"},
                        {{"t", "https://a", 60, Kind::kJwt, "", alg}}};
    const Lease lease = issuer.mint(holder, "t").take();
    const auto found = issuer.introspect(
        lease.token.expose(), [&](const std::string& sid, const std::string& jti) {
          return sid == kSession && jti == lease.id ? LeaseState::kLives : LeaseState::kNoLease;
        });
    EXPECT_EQ(found.state, TokenState::kActive) << word_of(alg);
    const Json answer = Json::parse(found.json);
    EXPECT_EQ(answer.size(), 16U);  // 14 claims, active and token_type
    EXPECT_EQ(answer["aud"], "https://a");
    EXPECT_EQ(answer["repo"], Json({"app"}));
  }
}

TEST(FromBase64Url, HasOneSpellingForEachText) {
  for (size_t size = 0; size < 70; ++size) {
    std::string bytes;
    for (size_t i = 0; i < size; ++i)
      bytes += static_cast<char>(i * 89 + size);
    const std::string text = to_base64url(bytes);
    EXPECT_EQ(carrel::from_base64url(text), std::optional<std::string>(bytes));
    EXPECT_EQ(carrel::from_base64url(text + "="), std::nullopt);
  }
  for (const char* none :
       {"A", "AAAAA", "AB", "AAB", "A+AA", "A/AA", "A AA", "AAA\n", "AA==", "====",
        "A\xC3\xA4"
        "A"})
    EXPECT_EQ(carrel::from_base64url(none), std::nullopt) << none;
  EXPECT_EQ(carrel::from_base64url("-_8"), std::optional<std::string>("\xFB\xFF"));
}

}  // namespace
}  // namespace carrel::credentials
