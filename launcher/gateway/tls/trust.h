#pragma once
// What makes the tools of a workspace trust the session's authority: contents of files and values
// of variables, as measured with each tool. Who has them puts them into the workspace. No files
// are read or written here.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "profiles/base/result.h"

namespace carrel::gateway {

/// The system's bundle, of which every session's files are made. Debian's 144 roots: parse() 1.5 ms,
/// bundle() 0.01, java_store() 0.4; who keeps it does so by a digest of the bundle's bytes.
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

/// Places of a system's bundle: the one that is there, by whatever distribution, is covered by
/// ours. Relative to the root of the workspace.
inline constexpr std::string_view kBundlePlaces[] = {
    "etc/ssl/certs/ca-certificates.crt",                 // Debian, Alpine, Arch
    "etc/pki/tls/certs/ca-bundle.crt",                   // Fedora
    "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // Fedora
    "etc/ssl/ca-bundle.pem",                             // SUSE
    "etc/ssl/cert.pem",                                  // Alpine, and what was built for it
};
inline constexpr std::string_view kHashedFolder = "etc/ssl/certs";
inline constexpr std::string_view kJavaPlaces[] = {
    "etc/ssl/certs/java/cacerts",  // Debian's OpenJDK
    "etc/pki/java/cacerts",        // Fedora's
};

enum class TrustValue { kBundle, kAuthority, kOne };

struct TrustVariable {
  std::string_view name;
  TrustValue value;
  std::string_view tool;  // whom it is for
};

/// Beside the files: for tools with roots of their own. JAVA_TOOL_OPTIONS is not among them (its
/// banner on stderr breaks what parses stderr), nor SSL_CERT_DIR (it would replace the bundle).
inline constexpr TrustVariable kTrustVariables[] = {
    {"SSL_CERT_FILE", TrustValue::kBundle, "OpenSSL, Python's urllib, Go, rustls-native-certs, uv"},
    {"REQUESTS_CA_BUNDLE", TrustValue::kBundle, "Python's requests (its own certifi), pip"},
    {"CURL_CA_BUNDLE", TrustValue::kBundle, "curl"},
    {"PIP_CERT", TrustValue::kBundle, "pip before 24.2"},
    {"NODE_EXTRA_CA_CERTS", TrustValue::kAuthority, "Node.js, npm, yarn (roots compiled in)"},
    {"NODE_USE_SYSTEM_CA", TrustValue::kOne, "Node.js 22.15 and newer"},
    {"GIT_SSL_CAINFO", TrustValue::kBundle, "git"},
    {"CARGO_HTTP_CAINFO", TrustValue::kBundle, "cargo"},
    {"AWS_CA_BUNDLE", TrustValue::kBundle, "AWS command line and boto3"},
    {"DENO_CERT", TrustValue::kAuthority, "Deno"},
    {"NIX_SSL_CERT_FILE", TrustValue::kBundle, "Nix and what it builds"},
    {"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", TrustValue::kBundle, "gRPC (roots compiled in)"},
    {"HTTPLIB2_CA_CERTS", TrustValue::kBundle, "Python's httplib2"},
    {"CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", TrustValue::kBundle, "gcloud"},
    {"BUNDLE_SSL_CA_CERT", TrustValue::kBundle, "Ruby's bundler"},
};

/// kTrustVariables with their values, for the paths at which the workspace sees the two files.
std::vector<std::pair<std::string, std::string>> trust_environment(
    const std::string& bundle_path, const std::string& authority_path);

}  // namespace carrel::gateway
