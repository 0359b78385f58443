#include "broker/service/credentials/token_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/service/credentials/ecdsa.h"
#include "tests/unit/broker/service/credentials/tokens.h"

namespace carrel::credentials {
namespace {

using testing::HasSubstr;

TokenKey new_key(Alg alg) {
  return TokenKey::read(alg, TokenKey::generate(alg).take()).take();
}

struct Vector {
  PublicJwk key;
  std::string_view token;
};
std::vector<Vector> vectors() {
  return {{ed_of_rfc8037(), kEdToken}, {ec_of_rfc7515(), kEcToken}, {rsa_of_rfc7515(), kRsaToken}};
}

bool is_good(const PublicJwk& key, std::string_view token) {
  const size_t dot = token.rfind('.');
  return is_signed_by(key, token.substr(0, dot),
                      from_base64url(std::string(token.substr(dot + 1))));
}

TEST(TokenKey, BelievesTheTokensOfTheRfcsAndNoOther) {
  for (const Vector& one : vectors()) {
    EXPECT_TRUE(is_good(one.key, one.token)) << word_of(one.key.alg);
    for (const size_t at : {size_t{3}, one.token.find('.') + 3, one.token.rfind('.') + 3}) {
      std::string changed(one.token);
      changed[at] = changed[at] == 'A' ? 'B' : 'A';
      EXPECT_FALSE(is_good(one.key, changed)) << word_of(one.key.alg) << " " << at;
    }
    for (const Vector& other : vectors()) {
      EXPECT_EQ(is_good(other.key, one.token), other.key.alg == one.key.alg);
    }
    EXPECT_FALSE(is_signed_by(one.key, one.token, ""));
  }
}

TEST(TokenKey, SignsWithEachAlgorithmInItsOneWayOfWriting) {
  for (const Alg alg : kAlgs) {
    const TokenKey key = new_key(alg);
    const TokenKey other = new_key(alg);
    EXPECT_EQ(key.jwk().alg, alg);
    EXPECT_EQ(key.kid(), thumbprint(key.jwk()));
    const std::string signature = key.sign("text").take();
    EXPECT_EQ(signature.size(), alg == Alg::kRs256 ? 256U : 64U);
    EXPECT_TRUE(is_signed_by(key.jwk(), "text", signature));
    EXPECT_FALSE(is_signed_by(other.jwk(), "text", signature));
    EXPECT_FALSE(is_signed_by(key.jwk(), "texT", signature));
    EXPECT_FALSE(is_signed_by(key.jwk(), "text", signature.substr(1)));
    EXPECT_FALSE(is_signed_by(key.jwk(), "text", signature + '\0'));
    // PKCS #1 v1.5 and Ed25519 are the same each time; PSS would not be.
    EXPECT_EQ(key.sign("text").take() == signature, alg != Alg::kEs256);
  }
}

TEST(TokenKey, TakesNoSignatureInDer) {
  const TokenKey key = new_key(Alg::kEs256);
  const std::string raw = key.sign("text").take();
  const std::string der = der_signature_of(raw).take();
  EXPECT_EQ(raw_signature_of(der).take(), raw);
  EXPECT_FALSE(is_signed_by(key.jwk(), "text", der));
  EXPECT_FALSE(is_signed_by(key.jwk(), "text", raw.substr(32) + raw.substr(0, 32))) << "S and R";
}

// By hand: SEQUENCE { INTEGER r, INTEGER s }.
TEST(Ecdsa, WritesRThenSAndPadsEachOnTheLeft) {
  const std::string high(32, '\x81');
  const std::string both = std::string("\x30\x29", 2) + std::string("\x02\x04\x01\x02\x03\x04", 6) +
                           std::string("\x02\x21\x00", 3) + high;
  const auto raw = raw_signature_of(both);
  ASSERT_TRUE(raw.ok());
  EXPECT_EQ(raw.value(), std::string(28, '\0') + "\x01\x02\x03\x04" + high);
  EXPECT_EQ(der_signature_of(raw.value()).take(), both);
  const auto swapped = der_signature_of(high + std::string(31, '\0') + "\x05").take();
  EXPECT_EQ(swapped, std::string("\x30\x26\x02\x21\x00", 5) + high + "\x02\x01\x05");
  EXPECT_EQ(raw_signature_of(swapped).take(), high + std::string(31, '\0') + "\x05");
}

TEST(Ecdsa, RefusesWhatIsNoSignature) {
  EXPECT_FALSE(raw_signature_of("").ok());
  EXPECT_FALSE(raw_signature_of(std::string(64, 'x')).ok());
  const std::string good = der_signature_of(std::string(63, '\0') + "\x01").take();
  EXPECT_TRUE(raw_signature_of(good).ok());
  EXPECT_FALSE(raw_signature_of(good + "x").ok()) << "more behind it";
  const std::string wide = std::string("\x30\x26\x02\x21\x01", 5) + std::string(32, '\0') +
                           std::string("\x02\x01\x05", 3);
  EXPECT_FALSE(raw_signature_of(wide).ok()) << "33 bytes";
  EXPECT_FALSE(der_signature_of(std::string(63, 'x')).ok());
  EXPECT_FALSE(der_signature_of(std::string(65, 'x')).ok());
}

// One in 256 signatures has an R that begins with a zero byte, one key in 256 an x that does.
TEST(TokenKey, KeepsLeadingZerosOfACurveAndNoneOfRsa) {
  const TokenKey key = new_key(Alg::kEs256);
  bool seen = false;
  for (int i = 0; i < 8192 && !seen; ++i) {
    const std::string text = std::to_string(i);
    const std::string signature = key.sign(text).take();
    ASSERT_EQ(signature.size(), 64U);
    seen = signature[0] == '\0';
    EXPECT_TRUE(!seen || is_signed_by(key.jwk(), text, signature));
  }
  EXPECT_TRUE(seen);
  seen = false;
  for (int i = 0; i < 8192 && !seen; ++i) {
    const TokenKey next = new_key(Alg::kEs256);
    ASSERT_EQ(next.jwk().x.size() + next.jwk().y.size(), 64U);
    seen = next.jwk().x[0] == '\0';
  }
  EXPECT_TRUE(seen);
  const TokenKey rsa = new_key(Alg::kRs256);
  EXPECT_EQ(rsa.jwk().n.size(), 256U);
  EXPECT_NE(rsa.jwk().n[0], '\0');
  EXPECT_EQ(rsa.jwk().e, std::string("\x01\x00\x01", 3));
}

TEST(TokenKey, RefusesAKeyOfAnotherKind) {
  const auto refused = [](Alg alg, const Secret& kept) {
    const auto key = TokenKey::read(alg, kept);
    return key.ok() ? "" : key.error().what;
  };
  const Secret ec = TokenKey::generate(Alg::kEs256).take();
  const Secret rsa = TokenKey::generate(Alg::kRs256).take();
  EXPECT_EQ(refused(Alg::kEs256, ec) + refused(Alg::kRs256, rsa), "");
  EXPECT_EQ(refused(Alg::kRs256, ec), "is no RSA key");
  EXPECT_EQ(refused(Alg::kEs256, rsa), "is no key of P-256");
  EXPECT_NE(refused(Alg::kEdDsa, ec), "");
  for (const char* bad :
       {"", "x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"})
    EXPECT_THAT(refused(Alg::kEs256, Secret(bad)), HasSubstr("is no private key in PEM")) << bad;
}

TEST(Thumbprint, IsTheOneOfTheRfcs) {
  // RFC 7638, 3.1, and RFC 8037, A.3.
  const PublicJwk rsa{
      .alg = Alg::kRs256,
      .n = from_base64url(
          "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_B"
          "JECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_F"
          "DW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4"
          "vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"),
      .e = std::string("\x01\x00\x01", 3)};
  EXPECT_EQ(thumbprint(rsa), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
  EXPECT_EQ(thumbprint(ed_of_rfc8037()), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

TEST(Jwks, HoldsEachKeyWithItsAlgorithmAndThumbprint) {
  const std::vector<PublicJwk> keys = {ed_of_rfc8037(), ec_of_rfc7515(), rsa_of_rfc7515()};
  const std::string text = jwks_text(keys);
  EXPECT_THAT(text,
              testing::StartsWith(
                  R"({"keys":[{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPap)"
                  R"(iMlrwIaaPcHURo","use":"sig","alg":"EdDSA","kid":"kPrK_qmxVWaYVA9wwBF6Iuo)"
                  R"(3vVzz7TxHCTwXBygrS4k"},{"crv":"P-256","kty":"EC","x":"f83OJ3D2)"));
  EXPECT_THAT(text, HasSubstr(R"("use":"sig","alg":"ES256","kid":")" + thumbprint(keys[1])));
  EXPECT_THAT(text, HasSubstr(R"({"e":"AQAB","kty":"RSA","n":"ofgWCuLj)"));
  EXPECT_THAT(text, testing::EndsWith(R"("use":"sig","alg":"RS256","kid":")" + thumbprint(keys[2]) +
                                      "\"}]}\n"));
  EXPECT_EQ(jwks_text({}), "{\"keys\":[]}\n");
}

}  // namespace
}  // namespace carrel::credentials
