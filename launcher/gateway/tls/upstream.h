#pragma once
// The gateway's end of a connection towards a server: whom it trusts, and what failed in words.

#include <string>
#include <string_view>

#include "launcher/gateway/tls/handles.h"
#include "profiles/base/result.h"
#include "profiles/base/secret.h"

namespace carrel::gateway {

/// What a lease of the kind `x509` has.
struct ClientCertificate {
  std::string chain_pem;  // the client's own first, then those between it and the root
  Secret key_pem;         // without a password
};

/// Trust in servers, read once; then as many connections as wanted. One thread's.
class Upstream {
 public:
  static constexpr size_t kMaxRoots = 4096;
  static constexpr size_t kMaxChain = 10;

  /// Trusts exactly the certificates of `roots_pem` (the system's, and a company's own behind
  /// them): neither OpenSSL's default places nor its environment variables are asked. Takes about
  /// 40 ms for Debian's 144 roots (OpenSSL 3.0 reads each one's key): before the first flow, or
  /// beside it.
  static Result<Upstream> create(std::string_view roots_pem);

  /// The end towards the server `name` (canonical): TLS 1.2 or newer, SNI and ALPN http/1.1 sent,
  /// no resumption, and no connection unless its certificate is trusted, now valid and for exactly
  /// this name in its subjectAltName (RFC 6125; a wildcard only as a whole first label). Usable
  /// longer than the Upstream itself. EINVAL for a client certificate that cannot be read or whose
  /// key is another's.
  [[nodiscard]] Result<Owned<SSL>> client_end(const std::string& name,
                                              const ClientCertificate* certificate) const;

 private:
  Upstream() = default;
  Owned<SSL_CTX> context_;
};

/// Why the handshake of a client_end() failed, as a sentence for a 502: "the certificate of
/// a.example has expired". `openssl_code` is ERR_get_error()'s, or the value of Asio's error in the
/// category of SSL; 0 where the connection just ended.
std::string handshake_failure(const SSL* ssl, std::string_view name, unsigned long openssl_code);

}  // namespace carrel::gateway
