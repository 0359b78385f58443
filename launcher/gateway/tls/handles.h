#pragma once
// OpenSSL's objects with an owner, and its errors as ours.

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/base/result.h"

namespace carrel::gateway {

struct FreeOpenSsl {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
  void operator()(EVP_MD* digest) const { EVP_MD_free(digest); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
};

/// `Owned<SSL>` is the one who frees it; release() hands it to Asio's ssl::stream.
template <typename T>
using Owned = std::unique_ptr<T, FreeOpenSsl>;

/// "what: reason" with OpenSSL's latest reason; empties the thread's queue of errors.
Error openssl_error(std::string what);

/// All certificates of a PEM text, whatever stands between them; at most `most`. An Error where
/// there is none, where there are more, or where one is damaged.
Result<std::vector<Owned<X509>>> read_certificates(std::string_view pem, size_t most);

/// "-----BEGIN CERTIFICATE-----" with the lines of RFC 7468.
Result<std::string> certificate_pem(const X509* certificate);

}  // namespace carrel::gateway
