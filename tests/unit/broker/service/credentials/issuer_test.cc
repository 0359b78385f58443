#include "broker/service/credentials/issuer.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "broker/service/credentials/jwk.h"
#include "profiles/base/header_secret.h"
#include "profiles/base/text.h"
#include "tests/support/folder.h"
#include "tests/unit/broker/service/credentials/tokens.h"
#include <nlohmann/json.hpp>

namespace carrel::credentials {
namespace {

// RFC 8037, appendix A: the key and its RFC 7638 thumbprint.
constexpr std::string_view kSeedHex =
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
constexpr std::string_view kThumbprint = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
constexpr uint64_t kNow = 1'700'000'000;

evidence::SigningKey test_key() {
  return evidence::SigningKey::from_seed(Secret(*from_hex(kSeedHex))).take();
}

World fake_world() {
  return {[] { return kNow * 1'000'000'000; },
          [](size_t n) { return Result<std::string>(std::string(n, '\x01')); }};
}

Issuer test_issuer() {
  return Issuer("carrel.test", test_key(), fake_world());
}

Holder test_holder() {
  return {"01hzx00000000000000000000a",
          "local/demo",
          "demo",
          3,
          "local:1000",
          "development",
          {"app", "docs"},
          {{"registry", "registry.example", kDefaultLifeS},
           {"wide", "*.example", 60},
           {"long", "a.example", kLongestLifeS + 1},
           {"none", "a.example", 0}}};
}

TEST(Issuer, WritesTheClaims) {
  const Lease lease = test_issuer().mint(test_holder(), "registry").take();
  const auto parts = parts_of(lease.token.expose());
  ASSERT_EQ(parts.size(), 3U);
  const auto header = nlohmann::json::parse(from_base64url(parts[0]));
  EXPECT_EQ(header, nlohmann::json::parse(R"({"alg":"EdDSA","typ":"JWT","kid":")" +
                                          std::string(kThumbprint) + "\"}"));
  const auto claims = nlohmann::json::parse(from_base64url(parts[1]));
  const auto expected =
      nlohmann::json{{"iss", "carrel.test"},      {"sub", "carrel:task:local/demo:profile:demo"},
                     {"aud", "registry.example"}, {"iat", kNow},
                     {"nbf", kNow - 30},          {"exp", kNow + 120},
                     {"jti", lease.id},           {"sid", "01hzx00000000000000000000a"},
                     {"task", "local/demo"},      {"profile", "demo"},
                     {"profile_rev", 3},          {"contractor", "local:1000"},
                     {"purpose", "development"},  {"repo", {"app", "docs"}}};
  EXPECT_EQ(claims, expected);
  EXPECT_EQ(lease.not_after, kNow + 120);
  EXPECT_EQ(lease.id.size(), 26U);
}

TEST(Issuer, IsBelievedByOpenssl) {
  const support::Folder folder;
  const Issuer issuer = test_issuer();
  const Lease lease = issuer.mint(test_holder(), "registry").take();
  const std::string token(lease.token.expose());
  const size_t dot = token.rfind('.');
  std::ofstream(folder / "signed") << token.substr(0, dot);
  std::ofstream(folder / "signature") << from_base64url(token.substr(dot + 1));
  // The key goes to openssl by way of the JWKS, as a relying party would take it.
  const auto jwk = nlohmann::json::parse(issuer.jwks())["keys"][0];
  const std::string spki =
      *from_hex("302a300506032b6570032100") + from_base64url(jwk["x"].get<std::string>());
  std::ofstream(folder / "key.pem") << "-----BEGIN PUBLIC KEY-----\n"
                                    << to_base64(spki) << "\n-----END PUBLIC KEY-----\n";
  const auto verify = [&] {
    return system(("openssl pkeyutl -verify -pubin -inkey " + (folder / "key.pem") +
                   " -rawin -in " + (folder / "signed") + " -sigfile " + (folder / "signature") +
                   " >/dev/null 2>&1")
                      .c_str());
  };
  EXPECT_EQ(verify(), 0);
  std::ofstream(folder / "signed", std::ios::app) << "x";
  EXPECT_NE(verify(), 0);
}

TEST(Issuer, PublishesTheKeyUnderItsThumbprint) {
  EXPECT_EQ(thumbprint(jwk_of(test_key().public_key())), kThumbprint);
  const auto jwk = nlohmann::json::parse(test_issuer().jwks())["keys"][0];
  EXPECT_EQ(jwk, (nlohmann::json{{"kty", "OKP"},
                                 {"crv", "Ed25519"},
                                 {"x", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
                                 {"use", "sig"},
                                 {"alg", "EdDSA"},
                                 {"kid", kThumbprint}}));
}

TEST(Issuer, RefusesWhatTheProfileDoesNotHave) {
  const Issuer issuer = test_issuer();
  EXPECT_FALSE(issuer.mint(test_holder(), "billing").ok());
  EXPECT_FALSE(issuer.mint(test_holder(), "").ok());
  EXPECT_FALSE(issuer.mint(test_holder(), "wide").ok());
  EXPECT_FALSE(issuer.mint(test_holder(), "long").ok());
  EXPECT_FALSE(issuer.mint(test_holder(), "none").ok());
  EXPECT_TRUE(issuer.mint(test_holder(), "registry").ok());
}

TEST(Issuer, RefusesIdsThatWouldBlurTheSubject) {
  for (const char* id : {"", "a:profile:b", "a*", "a b", "a\n"}) {
    Holder holder = test_holder();
    holder.task = id;
    EXPECT_FALSE(test_issuer().mint(holder, "registry").ok()) << id;
    holder = test_holder();
    holder.profile = id;
    EXPECT_FALSE(test_issuer().mint(holder, "registry").ok()) << id;
  }
}

TEST(Issuer, MintsNothingWithoutRandomness) {
  World world = fake_world();
  world.random = [](size_t) { return Result<std::string>(Error{"getrandom", EIO}); };
  const Issuer issuer("carrel.test", test_key(), world);
  EXPECT_FALSE(issuer.mint(test_holder(), "registry").ok());
}

Holder secret_holder() {
  Holder holder = test_holder();
  holder.grants = {{"head", "", 3600, Kind::kHeader, "secret:ci"},
                   {"file", "", 600, Kind::kFile, "secret:ci"},
                   {"mixed", "", 60, Kind::kFile, "ca:ci"},
                   {"cert", "", 60, Kind::kX509, "secret:ci"},
                   {"nameless", "", 60, Kind::kHeader, "secret:"},
                   {"long-head", "", 3601, Kind::kHeader, "secret:ci"},
                   {"long-file", "", 601, Kind::kFile, "secret:ci"}};
  return holder;
}

TEST(Issuer, LeasesASecretAsAHeaderOrAFile) {
  const Issuer issuer = test_issuer();
  const Lease head = issuer.lease(secret_holder(), "head", Secret("Bearer x")).take();
  EXPECT_EQ(head.kind, Kind::kHeader);
  EXPECT_EQ(head.secret.expose(), "Bearer x");
  EXPECT_EQ(head.not_after, kNow + 3600);
  EXPECT_TRUE(head.token.empty() && head.private_key.empty() && head.certificate.empty());
  const Lease file = issuer.lease(secret_holder(), "file", Secret("line\nline\n")).take();
  EXPECT_EQ(file.kind, Kind::kFile);
  EXPECT_EQ(file.secret.expose(), "line\nline\n");
  EXPECT_EQ(file.not_after, kNow + 600);
}

TEST(Issuer, RefusesWhatFitsIntoNoHeaderWithItsSource) {
  const Issuer issuer = test_issuer();
  for (const std::string& value :
       {std::string(), std::string("1234567"), std::string("secret\r\nkey"),
        std::string("secret-\xc3\xa4"), std::string("secret-1 "), std::string(8193, 'a')}) {
    const auto lease = issuer.lease(secret_holder(), "head", Secret(value));
    ASSERT_FALSE(lease.ok()) << value;
    EXPECT_EQ(lease.error().what,
              "credential head: what secret:ci gives fits into no header: it " +
                  std::string(header_secret_fault(value)) +
                  "; it has to be 8 bytes to 8 KiB of printable ASCII, without a space at either "
                  "end");
    EXPECT_TRUE(issuer.lease(secret_holder(), "file", Secret(value)).ok() || value.empty())
        << "a file holds any bytes";
  }
  EXPECT_TRUE(issuer.lease(secret_holder(), "head", Secret(std::string(8192, 'a'))).ok());
}

TEST(Issuer, RefusesASourceOfTheOtherSortAndALifeThatIsTooLong) {
  const Issuer issuer = test_issuer();
  const auto refused = [&issuer](const char* name) {
    const auto lease = issuer.lease(secret_holder(), name, Secret("x"));
    return lease.ok() ? "" : lease.error().what;
  };
  EXPECT_EQ(refused("mixed"),
            "credential mixed: from has to be \"secret:NAME\" for a credential of kind file");
  EXPECT_EQ(refused("cert"),
            "credential cert: from has to be \"ca:NAME\" for a credential of kind x509");
  EXPECT_EQ(refused("nameless"),
            "credential nameless: from has to be \"secret:NAME\" for a credential of kind header");
  EXPECT_EQ(refused("long-head"), "credential long-head: life must be 1 s to 1 h");
  EXPECT_EQ(refused("long-file"), "credential long-file: life must be 1 s to 10 min");
  EXPECT_EQ(refused("other"), "credential other: the profile has no such credential");
  EXPECT_FALSE(issuer.mint(secret_holder(), "file").ok());
  EXPECT_FALSE(issuer.lease(test_holder(), "registry", Secret("x")).ok());
  EXPECT_FALSE(issuer.lease(secret_holder(), "file", Secret()).ok());
}

TEST(NextRenewal, IsAtHalfOfTheLife) {
  EXPECT_EQ(next_renewal(1000, 1120, 1000), 1060U);
  EXPECT_EQ(next_renewal(1000, 1120, 1059), 1060U);
  EXPECT_EQ(next_renewal(1000, 1120, 1060), 1060U);
  EXPECT_EQ(next_renewal(1000, 1120, 1100), 1100U);
  EXPECT_EQ(next_renewal(1000, 1120, 5000), 5000U);
  EXPECT_EQ(next_renewal(1000, 1001, 1000), 1000U);
  EXPECT_EQ(next_renewal(1000, 900, 950), 1000U);
}

TEST(NextRenewal, RenewsALeaseBeforeItEndsUnderAnyStepOfAFakeClock) {
  for (uint64_t step = 1; step < 60; ++step) {
    uint64_t issued = 0;
    for (uint64_t now = 0; now < 1000; now += step) {
      ASSERT_LT(now, issued + 120) << "lease ended before its renewal, step " << step;
      if (next_renewal(issued, issued + 120, now) <= now) issued = now;
    }
  }
}

TEST(JsonString, EscapesWhatJsonDoesNotAllow) {
  EXPECT_EQ(json_string("a\"b\\c\n\x7F"), "\"a\\\"b\\\\c\\u000a\\u007f\"");
  EXPECT_EQ(json_string("\xC3\xA4"), "\"\xC3\xA4\"");
  EXPECT_EQ(json_string("\xFF"), "");
}

}  // namespace
}  // namespace carrel::credentials
