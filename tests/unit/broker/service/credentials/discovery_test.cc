#include "broker/service/credentials/discovery.h"

#include <gtest/gtest.h>

#include "broker/service/credentials/issuer.h"
#include "tests/unit/broker/service/credentials/tokens.h"
#include <nlohmann/json.hpp>

namespace carrel::credentials {
namespace {

TEST(Discovery, IsWhatOpenIdConnectAsksFor) {
  const std::string text = discovery_text({"https://id.example.org/carrel", ""});
  EXPECT_EQ(
      text,
      R"({"issuer":"https://id.example.org/carrel",)"
      R"("jwks_uri":"https://id.example.org/carrel/jwks.json",)"
      R"("response_types_supported":["id_token"],"subject_types_supported":["public"],)"
      R"("id_token_signing_alg_values_supported":["RS256","ES256","EdDSA"],)"
      R"("claims_supported":["iss","sub","aud","exp","iat","nbf","jti","sid","task","profile",)"
      R"("profile_rev","contractor","purpose","repo"]})"
      "\n");
  EXPECT_EQ(nlohmann::json::parse(text)["issuer"], "https://id.example.org/carrel");
}

TEST(Discovery, NamesWhereItIsAskedWhetherATokenLives) {
  const auto document = nlohmann::json::parse(
      discovery_text({"https://id.example.org", "https://id.example.org:8443/introspect"}));
  EXPECT_EQ(document["introspection_endpoint"], "https://id.example.org:8443/introspect");
  EXPECT_EQ(document["jwks_uri"], "https://id.example.org/jwks.json");
  EXPECT_TRUE(check_introspection_url("https://id.example.org:8443/introspect").ok());
  const auto refused = check_introspection_url("http://id.example.org/introspect");
  ASSERT_FALSE(refused.ok());
  EXPECT_TRUE(refused.error().what.starts_with("introspection http://id.example.org/introspect is"))
      << refused.error().what;
}

TEST(Discovery, NamesEveryClaimOfATokenAndEveryAlgorithm) {
  KeyRing keys;
  for (const Alg alg : kAlgs)
    keys.add(TokenKey::read(alg, TokenKey::generate(alg).take()).take(), 0);
  const Issuer issuer("https://id.example.org", std::move(keys),
                      {[] { return uint64_t{1'700'000'000} * 1'000'000'000; },
                       [](size_t n) { return Result<std::string>(std::string(n, '\x01')); }});
  const auto document = nlohmann::json::parse(discovery_text({"https://id.example.org", ""}));
  const auto jwks = nlohmann::json::parse(issuer.jwks())["keys"];
  ASSERT_EQ(jwks.size(), 3U);
  std::vector<std::string> algs;
  for (const Alg alg : kAlgs) {
    const Holder holder{"01hzx00000000000000000000a",
                        "local/demo",
                        "demo",
                        3,
                        "local:1000",
                        "",
                        {},
                        {{"t", "https://a", 60, Kind::kJwt, "", alg}}};
    const auto parts = parts_of(issuer.mint(holder, "t").take().token.expose());
    ASSERT_EQ(parts.size(), 3U);
    const auto header = nlohmann::json::parse(from_base64url(parts[0]));
    EXPECT_EQ(header["alg"], word_of(alg));
    EXPECT_EQ(header["typ"], "JWT");
    // By its kid the one key of the set that is of its algorithm.
    const auto key = std::find_if(jwks.begin(), jwks.end(),
                                  [&](const auto& each) { return each["kid"] == header["kid"]; });
    ASSERT_NE(key, jwks.end());
    EXPECT_EQ((*key)["alg"], word_of(alg));
    const auto payload = nlohmann::json::parse(from_base64url(parts[1]));
    EXPECT_EQ(payload["iss"], document["issuer"]);
    std::vector<std::string> claims;
    for (const auto& [name, value] : payload.items())
      claims.push_back(name);
    auto named = document["claims_supported"].get<std::vector<std::string>>();
    std::sort(named.begin(), named.end());
    EXPECT_EQ(named, claims);
    algs.insert(algs.begin(), std::string(word_of(alg)));
  }
  EXPECT_EQ(document["id_token_signing_alg_values_supported"], algs);
}

TEST(Discovery, TakesIssuersThatAreComparedByteForByte) {
  for (const char* good : {"https://id.example.org", "https://localhost:8443", "https://a/b/C-_.~d",
                           "https://xn--e1a.example:65535/x"})
    EXPECT_TRUE(check_issuer_name(good).ok()) << good;
  for (const char* bad : {"",
                          "id.example.org",
                          "http://a",
                          "HTTPS://a",
                          "https://",
                          "https://a/",
                          "https://A",
                          "https://a/b/",
                          "https://a//b",
                          "https://a/../b",
                          "https://a/.",
                          "https://a?b",
                          "https://a#b",
                          "https://u@a",
                          "https://a:",
                          "https://a:0",
                          "https://a:65536",
                          "https://a:1x",
                          "https://.a",
                          "https://a.",
                          "https://a..b",
                          "https://a b",
                          "https://a\"",
                          "https://a/%41",
                          "https://[::1]"})
    EXPECT_FALSE(check_issuer_name(bad).ok()) << bad;
  EXPECT_TRUE(check_issuer_name("https://a/" + std::string(190, 'b')).ok());
  EXPECT_FALSE(check_issuer_name("https://a/" + std::string(191, 'b')).ok());
}

TEST(Issuer, WithoutFederatedKeysSaysWhatToConfigure) {
  const Issuer issuer("carrel.test",
                      evidence::SigningKey::from_seed(Secret(std::string(32, 's'))).take(), {});
  EXPECT_TRUE(issuer.check({"t", "https://a"}).ok());
  const auto refused = issuer.check({"t", "https://a", 60, Kind::kJwt, "", Alg::kRs256});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().what,
            "credential t: alg RS256 is for relying parties that find the issuer's keys by its "
            "name, and this one has none: the admin has to write issuer = \"https://HOST\" into "
            "issuer.toml of the state folder and start anew");
}

}  // namespace
}  // namespace carrel::credentials
