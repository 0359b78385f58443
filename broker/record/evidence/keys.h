#pragma once
// Ed25519 (RFC 8032) by OpenSSL: one-time keys of seals and the broker's own.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "profiles/base/result.h"
#include "profiles/base/secret.h"

namespace carrel::evidence {

using PublicKey = std::array<uint8_t, 32>;
using Signature = std::array<uint8_t, 64>;

/// 32 random bytes of OpenSSL's private generator.
Result<Secret> generate_seed();

/// A private key. OpenSSL overwrites it when the object goes.
class SigningKey {
 public:
  /// From the 32-byte seed of RFC 8032; the caller still owns and wipes the seed.
  static Result<SigningKey> from_seed(const Secret& seed);
  SigningKey(SigningKey&&) noexcept;
  SigningKey& operator=(SigningKey&&) noexcept;
  SigningKey(const SigningKey&) = delete;
  SigningKey& operator=(const SigningKey&) = delete;
  ~SigningKey();

  [[nodiscard]] const PublicKey& public_key() const { return public_key_; }
  [[nodiscard]] Result<Signature> sign(std::string_view message) const;

 private:
  struct Key;
  SigningKey(std::unique_ptr<Key> key, const PublicKey& public_key);
  std::unique_ptr<Key> key_;
  PublicKey public_key_{};
};

/// True when `signature` is the key's over `message`; false for everything else.
bool verify_signature(const PublicKey& key, std::string_view message, const Signature& signature);

/// The key as "-----BEGIN PUBLIC KEY-----" PEM (RFC 8410), as `openssl pkeyutl -pubin` reads it.
std::string to_pem(const PublicKey& key);

}  // namespace carrel::evidence
