#pragma once
// The public keys of issued tokens as relying parties read them: JWK and JWKS (RFC 7517, RFC 7518
// chapter 6, RFC 8037). Pure.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "broker/record/evidence/keys.h"

namespace carrel::credentials {

/// How a token is signed: EdDSA with Ed25519; ES256 and RS256 (RFC 7518) for relying parties
/// outside, of which few know Ed25519.
enum class Alg : uint8_t { kEdDsa, kEs256, kRs256 };
inline constexpr std::array kAlgs = {Alg::kEdDsa, Alg::kEs256, Alg::kRs256};

/// "EdDSA", "ES256" or "RS256", as in the header of a token and in profiles.
std::string_view word_of(Alg alg);

/// A public key by its numbers, big-endian. An Ed25519 key and a P-256 one have x (and y) of
/// exactly 32 bytes, leading zeros kept; an RSA one n and e without any (RFC 7518, 6.2.1, 6.3.1).
struct PublicJwk {
  Alg alg = Alg::kEdDsa;
  std::string x = {};
  std::string y = {};
  std::string n = {};
  std::string e = {};
  bool operator==(const PublicJwk&) const = default;
};

PublicJwk jwk_of(const evidence::PublicKey& key);

/// base64url of the RFC 7638 thumbprint (SHA-256 over the required members in lexical order): the
/// `kid` of tokens and keys.
std::string thumbprint(const PublicJwk& key);

/// The JWK Set, one line with a line feed; each key with use, alg and kid. Equal for equal keys.
std::string jwks_text(std::span<const PublicJwk> keys);

/// `text` as a JSON string with quotes; bytes that are not UTF-8 are refused by an empty answer.
std::string json_string(std::string_view text);

}  // namespace carrel::credentials
