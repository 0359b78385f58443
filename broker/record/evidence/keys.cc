#include "broker/record/evidence/keys.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "profiles/base/text.h"

namespace carrel::evidence {
namespace {

const uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};

}  // namespace

struct SigningKey::Key {
  std::unique_ptr<EVP_PKEY, FreeKey> pkey;
};

SigningKey::SigningKey(std::unique_ptr<Key> key, const PublicKey& public_key)
    : key_(std::move(key)), public_key_(public_key) {}
SigningKey::SigningKey(SigningKey&&) noexcept = default;
SigningKey& SigningKey::operator=(SigningKey&&) noexcept = default;
SigningKey::~SigningKey() = default;

Result<Secret> generate_seed() {
  std::string seed(32, '\0');
  if (RAND_priv_bytes(reinterpret_cast<uint8_t*>(seed.data()), static_cast<int>(seed.size())) != 1)
    return Error{"draw a random key seed"};
  return Secret(std::move(seed));
}

Result<SigningKey> SigningKey::from_seed(const Secret& seed) {
  if (seed.expose().size() != 32) return Error{"an Ed25519 seed has 32 bytes"};
  auto key = std::make_unique<Key>();
  key->pkey.reset(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes_of(seed.expose()),
                                               seed.expose().size()));
  PublicKey public_key{};
  size_t size = public_key.size();
  if (key->pkey == nullptr ||
      EVP_PKEY_get_raw_public_key(key->pkey.get(), public_key.data(), &size) != 1 ||
      size != public_key.size())
    return Error{"make an Ed25519 key"};
  return SigningKey(std::move(key), public_key);
}

Result<Signature> SigningKey::sign(std::string_view message) const {
  const Context context(EVP_MD_CTX_new());
  Signature signature{};
  size_t size = signature.size();
  if (context == nullptr ||
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_->pkey.get()) != 1 ||
      EVP_DigestSign(context.get(), signature.data(), &size, bytes_of(message), message.size()) !=
          1 ||
      size != signature.size())
    return Error{"sign with an Ed25519 key"};
  return signature;
}

bool verify_signature(const PublicKey& key, std::string_view message, const Signature& signature) {
  const std::unique_ptr<EVP_PKEY, FreeKey> pkey(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()));
  const Context context(EVP_MD_CTX_new());
  if (pkey == nullptr || context == nullptr) return false;
  if (EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, pkey.get()) != 1) return false;
  return EVP_DigestVerify(context.get(), signature.data(), signature.size(), bytes_of(message),
                          message.size()) == 1;
}

std::string to_pem(const PublicKey& key) {
  // SubjectPublicKeyInfo of RFC 8410: SEQUENCE { SEQUENCE { OID 1.3.101.112 }, BIT STRING }.
  constexpr std::string_view kPrefix = {"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", 12};
  const std::string der =
      std::string(kPrefix) + std::string(reinterpret_cast<const char*>(key.data()), key.size());
  return "-----BEGIN PUBLIC KEY-----\n" + to_base64(der) + "\n-----END PUBLIC KEY-----\n";
}

}  // namespace carrel::evidence
