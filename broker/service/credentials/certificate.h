#pragma once
// Client certificates (X.509, RFC 5280) signed by an authority of the admin's. The only file here
// that knows OpenSSL's X.509.

#include <cstdint>
#include <string>
#include <string_view>

#include "profiles/base/result.h"
#include "profiles/base/secret.h"

namespace carrel::credentials {

/// What is certified. Times in seconds since 1970.
struct CertificateTerms {
  std::string common_name;  // 1 to 64 bytes (ub-common-name): letters, digits and ":-_."
  std::string serial;       // 16 random bytes
  uint64_t not_before = 0;
  uint64_t not_after = 0;
};

struct ClientCertificate {
  std::string chain;   // PEM: the client's certificate, then those of the authority's file
  Secret private_key;  // PEM (PKCS #8), a new P-256 key
};

/// `authority` is PEM: one private key and its certificate, in any order, further certificates of
/// its chain after that. The subject is the common name alone, which also stands as a URI in the
/// subject's alternative names; usage is clientAuth, no authority. An Error without a byte of the
/// key: for a file that is no such PEM, a key that needs a passphrase or is not the certificate's,
/// a certificate that may not sign certificates, or whose time does not hold the new one's
/// (`not_before` is moved up to the authority's own).
Result<ClientCertificate> certify_client(const Secret& authority, const CertificateTerms& terms);

}  // namespace carrel::credentials
