#include "broker/service/credentials/token_key.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include <climits>
#include <optional>

#include "broker/record/evidence/sha256.h"
#include "broker/service/credentials/ecdsa.h"
#include "profiles/base/text.h"

namespace carrel::credentials {
namespace {

template <auto kFree>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Pkey = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using PkeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;
using Digest = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;
using Bio = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using Number = std::unique_ptr<BIGNUM, Freed<BN_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM_free>>;

constexpr int kRsaBits = 2048;
constexpr size_t kCoordinate = 32;
constexpr const char* kCurve = "prime256v1";  // P-256
constexpr std::string_view kExponent = {"\x01\x00\x01", 3};
constexpr std::string_view kOwnWords = "carrel: does this key believe itself?";

Error failed(const std::string& what) {
  ERR_clear_error();
  return Error{what};
}

const uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

/// Never asks a terminal.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) {
  return -1;
}

std::optional<std::string> number_of(const EVP_PKEY* key, const char* name, size_t width) {
  BIGNUM* value = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &value) != 1) return std::nullopt;
  const Number owned(value);
  // Without a width the bytes are as few as there can be: no leading zero.
  std::string out(width == 0 ? static_cast<size_t>(BN_num_bytes(value)) : width, '\0');
  if (BN_bn2binpad(value, reinterpret_cast<uint8_t*>(out.data()), static_cast<int>(out.size())) < 0)
    return std::nullopt;
  return out;
}

bool is_p256(const EVP_PKEY* key) {
  std::string name(64, '\0');
  size_t size = 0;
  return EVP_PKEY_is_a(key, "EC") == 1 &&
         EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) == 1 &&
         std::string_view(name).substr(0, size) == kCurve;
}

Result<PublicJwk> numbers_of(Alg alg, const EVP_PKEY* key) {
  PublicJwk jwk{.alg = alg};
  if (alg == Alg::kEs256) {
    if (!is_p256(key)) return failed("is no key of P-256");
    const auto x = number_of(key, OSSL_PKEY_PARAM_EC_PUB_X, kCoordinate);
    const auto y = number_of(key, OSSL_PKEY_PARAM_EC_PUB_Y, kCoordinate);
    if (!x || !y) return failed("has no public point");
    jwk.x = *x;
    jwk.y = *y;
    return jwk;
  }
  if (EVP_PKEY_is_a(key, "RSA") != 1) return failed("is no RSA key");
  const auto n = number_of(key, OSSL_PKEY_PARAM_RSA_N, 0);
  const auto e = number_of(key, OSSL_PKEY_PARAM_RSA_E, 0);
  if (!n || !e || EVP_PKEY_get_bits(key) < kRsaBits || *e != kExponent)
    return failed("is no RSA key of 2048 bits or more with the exponent 65537");
  jwk.n = *n;
  jwk.e = *e;
  return jwk;
}

/// The public key by its numbers; null where they are none.
Pkey public_key_of(const PublicJwk& jwk) {
  const Builder builder(OSSL_PARAM_BLD_new());
  if (builder == nullptr) return nullptr;
  const std::string point = "\x04" + jwk.x + jwk.y;  // SEC 1, 2.3.3: not compressed
  const Number n(BN_bin2bn(bytes_of(jwk.n), static_cast<int>(jwk.n.size()), nullptr));
  const Number e(BN_bin2bn(bytes_of(jwk.e), static_cast<int>(jwk.e.size()), nullptr));
  const bool pushed =
      jwk.alg == Alg::kEs256
          ? OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, kCurve, 0) ==
                    1 &&
                OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY,
                                                 point.data(), point.size()) == 1
          : OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1 &&
                OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1;
  const Params params(pushed ? OSSL_PARAM_BLD_to_param(builder.get()) : nullptr);
  const PkeyContext context(
      EVP_PKEY_CTX_new_from_name(nullptr, jwk.alg == Alg::kEs256 ? "EC" : "RSA", nullptr));
  EVP_PKEY* made = nullptr;
  if (params == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return nullptr;
  }
  return Pkey(made);
}

/// With SHA-256; of RSA by PKCS #1 v1.5, which is OpenSSL's default, said so all the same.
bool set_up(EVP_PKEY_CTX* context, Alg alg) {
  return alg != Alg::kRs256 || EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
}

Result<std::string> sign_sha256(Alg alg, EVP_PKEY* key, std::string_view text) {
  const Digest context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* terms = nullptr;  // the digest context's own
  size_t size = 0;
  if (context == nullptr ||
      EVP_DigestSignInit(context.get(), &terms, EVP_sha256(), nullptr, key) != 1 ||
      !set_up(terms, alg) ||
      EVP_DigestSign(context.get(), nullptr, &size, bytes_of(text), text.size()) != 1) {
    return failed("sign with a key of " + std::string(word_of(alg)));
  }
  std::string out(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<uint8_t*>(out.data()), &size, bytes_of(text),
                     text.size()) != 1) {
    return failed("sign with a key of " + std::string(word_of(alg)));
  }
  out.resize(size);
  return out;
}

bool verify_sha256(Alg alg, EVP_PKEY* key, std::string_view text, std::string_view signature) {
  const Digest context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* terms = nullptr;
  const bool good = context != nullptr &&
                    EVP_DigestVerifyInit(context.get(), &terms, EVP_sha256(), nullptr, key) == 1 &&
                    set_up(terms, alg) &&
                    EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(),
                                     bytes_of(text), text.size()) == 1;
  ERR_clear_error();
  return good;
}

std::string header_of(const PublicJwk& jwk, const std::string& kid) {
  return to_base64url(R"({"alg":")" + std::string(word_of(jwk.alg)) + R"(","kid":")" + kid +
                      R"(","typ":"JWT"})");
}

Result<Secret> pem_of(EVP_PKEY* key) {
  // Secure memory, where OpenSSL has any; overwritten with the object either way.
  const Bio out(BIO_new(BIO_s_secmem()));
  char* bytes = nullptr;
  if (out == nullptr ||
      PEM_write_bio_PKCS8PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return failed("write a new private key");
  }
  const long size = BIO_get_mem_data(out.get(), &bytes);
  return Secret(std::string(bytes, static_cast<size_t>(size)));
}

}  // namespace

struct TokenKey::Key {
  std::optional<evidence::SigningKey> ed25519;  // of EdDSA
  Pkey other;                                   // of the other two
};

TokenKey::TokenKey(std::unique_ptr<Key> key, PublicJwk jwk)
    : key_(std::move(key)),
      jwk_(std::move(jwk)),
      kid_(thumbprint(jwk_)),
      header_(header_of(jwk_, kid_)) {}
TokenKey::TokenKey(evidence::SigningKey key)
    : TokenKey(std::make_unique<Key>(), jwk_of(key.public_key())) {
  key_->ed25519 = std::move(key);
}
TokenKey::TokenKey(TokenKey&&) noexcept = default;
TokenKey& TokenKey::operator=(TokenKey&&) noexcept = default;
TokenKey::~TokenKey() = default;

Result<Secret> TokenKey::generate(Alg alg) {
  if (alg == Alg::kEdDsa) return evidence::generate_seed();
  const Pkey made(alg == Alg::kEs256
                      ? EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", kCurve)
                      : EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<size_t>(kRsaBits)));
  if (made == nullptr) return failed("make a key of " + std::string(word_of(alg)));
  return pem_of(made.get());
}

Result<TokenKey> TokenKey::read(Alg alg, const Secret& kept) {
  if (alg == Alg::kEdDsa) {
    ASSIGN_OR_RETURN(evidence::SigningKey key, evidence::SigningKey::from_seed(kept));
    return TokenKey(std::move(key));
  }
  if (kept.expose().size() > INT_MAX) return Error{"is too large"};
  const Bio in(BIO_new_mem_buf(kept.expose().data(), static_cast<int>(kept.expose().size())));
  auto key = std::make_unique<Key>();
  if (in != nullptr)
    key->other.reset(PEM_read_bio_PrivateKey(in.get(), nullptr, no_passphrase, nullptr));
  if (key->other == nullptr) return failed("is no private key in PEM without a passphrase");
  ASSIGN_OR_RETURN(PublicJwk jwk, numbers_of(alg, key->other.get()));
  TokenKey made(std::move(key), std::move(jwk));
  ASSIGN_OR_RETURN(const std::string signature, made.sign(kOwnWords));
  if (!is_signed_by(made.jwk(), kOwnWords, signature))
    return failed("does not believe its own signature");
  return made;
}

Result<std::string> TokenKey::sign(std::string_view text) const {
  if (key_->ed25519.has_value()) {
    ASSIGN_OR_RETURN(const evidence::Signature signature, key_->ed25519->sign(text));
    return std::string(evidence::as_view(signature));
  }
  ASSIGN_OR_RETURN(std::string signature, sign_sha256(jwk_.alg, key_->other.get(), text));
  if (jwk_.alg == Alg::kEs256) return raw_signature_of(signature);
  return signature;
}

bool is_signed_by(const PublicJwk& key, std::string_view text, std::string_view signature) {
  if (key.alg == Alg::kEdDsa) {
    return key.x.size() == 32 && signature.size() == 64 &&
           evidence::verify_signature(evidence::to_array<32>(key.x), text,
                                      evidence::to_array<64>(signature));
  }
  const Pkey pkey = public_key_of(key);
  if (pkey == nullptr) {
    ERR_clear_error();
    return false;
  }
  if (key.alg == Alg::kRs256) return verify_sha256(key.alg, pkey.get(), text, signature);
  const Result<std::string> der = der_signature_of(signature);
  return der.ok() && verify_sha256(key.alg, pkey.get(), text, der.value());
}

}  // namespace carrel::credentials
