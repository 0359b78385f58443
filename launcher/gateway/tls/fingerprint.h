#pragma once
// JA4, the public fingerprint of a TLS client: which program it may be, for the record only. A
// client can write any hello it likes; nothing is decided by it. Pure.

#include <cstdint>
#include <string>
#include <vector>

namespace carrel::gateway {

/// True for the values that clients send so that nobody relies on knowing them all (RFC 8701).
bool is_grease(uint16_t value);

/// What the fingerprint is made of, in the order of the wire; GREASE may be among it.
struct HelloTraits {
  uint16_t version = 0;  // the highest that is offered
  bool has_sni = false;
  std::vector<uint16_t> ciphers;
  std::vector<uint16_t> extensions;
  std::string first_alpn;  // "" without the extension
  std::vector<uint16_t> signature_algorithms;
};

/// "t13d1516h2_8daaf6152771_e5627efa2ab1": transport, version, SNI, counts and ALPN; then the
/// first 12 hex digits of SHA-256 over the sorted ciphers, and over the sorted extensions (without
/// SNI and ALPN) with the signature algorithms in their order (JA4 as FoxIO published it, 2023).
std::string ja4(const HelloTraits& traits);

}  // namespace carrel::gateway
