#pragma once
// A private key that signs tokens, of any of the three algorithms, by OpenSSL; and the other side:
// whether a signature is the one of a published key.

#include <memory>
#include <string>
#include <string_view>

#include "broker/record/evidence/keys.h"
#include "broker/service/credentials/jwk.h"
#include "profiles/base/result.h"
#include "profiles/base/secret.h"

namespace carrel::credentials {

/// A key does one algorithm for ever; its kid names both. OpenSSL overwrites it when it goes.
class TokenKey {
 public:
  /// A new private key as it is kept: of EdDSA the 32-byte seed, else PKCS #8 in PEM (P-256; RSA of
  /// 2048 bits).
  static Result<Secret> generate(Alg alg);
  /// From what generate() gave. Refused: another kind of key than the algorithm's, RSA below 2048
  /// bits or with another exponent than 65537, and a key that does not believe its own signature.
  static Result<TokenKey> read(Alg alg, const Secret& kept);
  explicit TokenKey(evidence::SigningKey key);
  TokenKey(TokenKey&&) noexcept;
  TokenKey& operator=(TokenKey&&) noexcept;
  TokenKey(const TokenKey&) = delete;
  TokenKey& operator=(const TokenKey&) = delete;
  ~TokenKey();

  [[nodiscard]] const PublicJwk& jwk() const { return jwk_; }
  [[nodiscard]] const std::string& kid() const { return kid_; }
  /// The first part of every token by this key, as it stands there (base64url).
  [[nodiscard]] const std::string& header() const { return header_; }
  /// The signature as a JWS holds it: of EdDSA and ES256 64 bytes, of RS256 as many as the modulus
  /// has.
  [[nodiscard]] Result<std::string> sign(std::string_view text) const;

 private:
  struct Key;
  TokenKey(std::unique_ptr<Key> key, PublicJwk jwk);
  std::unique_ptr<Key> key_;
  PublicJwk jwk_;
  std::string kid_;
  std::string header_;
};

/// True when `signature` is the key's over `text`, by the key's own algorithm and in its one way of
/// writing; false for everything else.
bool is_signed_by(const PublicJwk& key, std::string_view text, std::string_view signature);

}  // namespace carrel::credentials
