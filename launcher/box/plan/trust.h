#pragma once
// Where the files lie that make a workspace's tools trust its session's authority, and the
// variables for tools that look elsewhere. Pure.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "profiles/model/profile.h"

namespace carrel::plan {

/// Whether the gateway reads what is said to some host, so that the session has an authority.
bool inspects(const model::Profile& profile);

/// The folder of all three files, and their names in it.
inline constexpr std::string_view kTrustFolder = "/run/carrel/trust";
inline constexpr std::string_view kBundleName = "bundle.pem";        // the system's roots, and it
inline constexpr std::string_view kAuthorityName = "authority.pem";  // it alone
inline constexpr std::string_view kJavaStoreName = "cacerts";        // as the bundle, for Java

/// Places of a system's bundle: the one that is there, by whatever distribution, is covered by
/// ours. Relative to the root of the workspace.
inline constexpr std::string_view kBundlePlaces[] = {
    "etc/ssl/certs/ca-certificates.crt",                 // Debian, Alpine, Arch
    "etc/pki/tls/certs/ca-bundle.crt",                   // Fedora
    "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // Fedora
    "etc/ssl/ca-bundle.pem",                             // SUSE
    "etc/ssl/cert.pem",                                  // Alpine, and what was built for it
};
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

}  // namespace carrel::plan
