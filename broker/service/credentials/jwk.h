#pragma once
// The public key of issued tokens as relying parties read it: JWK and JWKS (RFC 7517, RFC 8037).

#include <string>

#include "broker/record/evidence/keys.h"

namespace carrel::credentials {

/// base64url of the RFC 7638 thumbprint (SHA-256 over crv, kty, x): the `kid` of tokens and keys.
std::string key_thumbprint(const evidence::PublicKey& key);

/// The JWK Set with this one key, one line with a line feed.
std::string jwks_text(const evidence::PublicKey& key);

/// `text` as a JSON string with quotes; bytes that are not UTF-8 are refused by an empty answer.
std::string json_string(std::string_view text);

}  // namespace carrel::credentials
