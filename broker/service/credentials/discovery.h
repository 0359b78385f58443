#pragma once
// What a relying party is told of an issuer that it can ask for (OpenID Connect Discovery 1.0).
// Pure.

#include <string>
#include <string_view>

#include "profiles/base/result.h"

namespace carrel::credentials {

/// What is wrong with an issuer's name for discovery: it has to be https://HOST[:PORT][/PATH] of
/// lower-case host, without user, query, fragment, dot segments or a slash at its end, at most 200
/// bytes. It is compared byte for byte with `iss`.
Status check_issuer_name(std::string_view name);

/// The same of the URL at which it is asked whether a token still lives (RFC 7662).
Status check_introspection_url(std::string_view url);

/// What the admin has said of the issuer; "" where it was not said.
struct IssuerNames {
  std::string issuer;
  std::string introspection;
  bool operator==(const IssuerNames&) const = default;
};

/// The document at <issuer>/.well-known/openid-configuration; its keys are at <issuer>/jwks.json.
/// There is no authorization_endpoint, as of every issuer that signs for workloads alone.
std::string discovery_text(const IssuerNames& names);

}  // namespace carrel::credentials
