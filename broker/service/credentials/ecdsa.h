#pragma once
// A signature of P-256 in the two ways it is written: DER, as OpenSSL makes and takes it (RFC 3279,
// 2.2.3), and R followed by S, as a JWS holds it (RFC 7518, 3.4).

#include <string>
#include <string_view>

#include "profiles/base/result.h"

namespace carrel::credentials {

/// R and S, 32 bytes each, leading zeros added. An Error for what is no such signature.
Result<std::string> raw_signature_of(std::string_view der);
/// The DER of a signature of exactly 64 bytes; an Error for any other length.
Result<std::string> der_signature_of(std::string_view raw);

}  // namespace carrel::credentials
