#pragma once
// What makes the tools of a workspace trust the session's authority: contents of files, as measured
// with each tool. Who has them puts them into the workspace (launcher/box/plan/trust.h). No files
// are read or written here.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/base/result.h"

namespace carrel::gateway {

/// The system's bundle, of which every session's files are made. Debian's 144 roots: parse() 1.5
/// ms, bundle() 0.01, java_store() 0.4; who keeps it does so by a digest of the bundle's bytes.
class SystemRoots {
 public:
  static constexpr size_t kMaxBytes = size_t{16} << 20;

  /// From the bytes of /etc/ssl/certs/ca-certificates.crt or its like. An Error where there is no
  /// certificate in it, or anything else; what a certificate says is not looked at.
  static Result<SystemRoots> parse(std::string_view pem);

  /// All roots and the authority: never the authority alone, or what is relayed unopened fails.
  [[nodiscard]] std::string bundle(std::string_view authority_pem) const;

  /// The same for Java: a key store of the kind JKS (magic FEEDFEED, version 2, trusted
  /// certificates, SHA-1 over password, "Mighty Aphrodite" and all), which a JVM reads with no
  /// password set; keytool with `kStorePassword`. `now_s` (Unix time) is its entries' date.
  [[nodiscard]] Result<std::string> java_store(std::string_view authority_pem, int64_t now_s) const;

  [[nodiscard]] size_t size() const { return certificates_.size(); }

 private:
  SystemRoots() = default;
  std::string pem_;                        // with a line feed at its end
  std::vector<std::string> certificates_;  // DER (X.690), in the order of the bundle
};

inline constexpr std::string_view kStorePassword = "changeit";  // that of every JDK: no secret

/// "5f1b2c3d.0", what OpenSSL and GnuTLS look for in a folder of certificates (openssl-rehash(1)):
/// the hash of the subject, and the number of the first of that hash.
Result<std::string> hashed_name(std::string_view authority_pem);

inline constexpr std::string_view kHashedFolder = "etc/ssl/certs";
}  // namespace carrel::gateway
