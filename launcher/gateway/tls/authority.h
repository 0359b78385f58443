#pragma once
// The certificate authority of one session: what an inspected connection's client is shown. Its
// key is made in memory and lies in no file; it can sign for the session's inspected names only.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "launcher/gateway/tls/handles.h"
#include "profiles/base/result.h"
#include "profiles/base/secret.h"

namespace carrel::gateway {

struct AuthorityRequest {
  std::string session;             // its id, for the subject: 1 to 48 of A-Z a-z 0-9 - _ .
  std::vector<std::string> names;  // canonical; 1 to kMaxNames
  int64_t now_s = 0;               // Unix time
  int64_t valid_s = 0;             // the session's longest life and an hour
};

/// One thread's.
class Authority {
 public:
  static constexpr size_t kMaxNames = 4094;  // as many as a workspace has synthetic addresses
  static constexpr int64_t kLeafS = 24 * 3600;

  /// A P-256 key and its own certificate (RFC 5280): CA with pathlen 0, keyCertSign and cRLSign,
  /// and the names as critical nameConstraints (with no IP address at all), valid from a minute
  /// before now. **Names must be known now**: what a client trusts is this certificate, so a name
  /// that an approval adds later cannot be inspected in the same session unless it was listed.
  static Result<Authority> create(const AuthorityRequest& request);
  /// The one whose kept() this was, for the same names: its certificate and its end stay.
  static Result<Authority> restore(const std::vector<std::string>& names, const Secret& kept);

  /// Key (PKCS #8) and certificate in PEM, for another gateway of this session alone.
  [[nodiscard]] Result<Secret> kept() const;
  /// "-----BEGIN CERTIFICATE-----": what the workspace's trust is made of.
  [[nodiscard]] const std::string& pem() const { return pem_; }
  [[nodiscard]] bool signs_for(const std::string& name) const { return leaves_.contains(name); }

  /// The gateway's end of a connection towards a client that dialled `name`: a certificate for that
  /// name alone (made once, valid kLeafS, renewed in its last hour), TLS 1.2 or 1.3, no ALPN but
  /// http/1.1, no tickets, no resumption, no renegotiation. A client that names another server, or
  /// none, gets the alert unrecognized_name. EPERM for a name that was not listed, ETIME once the
  /// authority has ended. Usable longer than the Authority itself.
  Result<Owned<SSL>> server_end(const std::string& name, int64_t now_s);

 private:
  struct Leaf {
    Owned<SSL_CTX> context;
    int64_t until_s = 0;
  };
  Authority() = default;
  Status issue(const std::string& name, int64_t now_s, Leaf& leaf) const;
  Owned<EVP_PKEY> key_;
  Owned<EVP_PKEY> leaf_key_;  // of all leaves
  Owned<X509> certificate_;
  std::string pem_;
  int64_t until_s_ = 0;
  std::map<std::string, Leaf, std::less<>> leaves_;  // every listed name; no context before its use
};

}  // namespace carrel::gateway
