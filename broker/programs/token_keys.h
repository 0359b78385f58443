#pragma once
// The keys of tokens as they are kept, and what is published of them and of the issuer.

#include <cstdint>
#include <string>

#include "broker/service/credentials/discovery.h"
#include "broker/service/credentials/key_ring.h"
#include "profiles/base/result.h"

namespace carrel::programs {

/// The keys below the folder keys/, after making and dropping what plan_keys() says. Of ES256 and
/// RS256 only where they are `federated`. A file of that name that is no such key is an Error.
Result<credentials::KeyRing> open_token_keys(int keys_fd, bool federated, uint64_t now_s);

/// What the admin has written into issuer.toml of the state folder (`issuer = "https://HOST"`, and
/// `introspection` if there is such an endpoint), or nothing where there is no such file. It has to
/// be a regular file of the folder's owner that nobody else may write, at most 4 KiB; everything
/// else in it is an Error with its line.
Result<credentials::IssuerNames> read_issuer_names(int store_fd);

/// A file of mode 0644 that holds exactly this text: replaced at once, and only where it does not.
Status replace_if_other(int folder_fd, const char* name, const std::string& text);

/// Below the store, for a web server to publish as it is: issuer/.well-known/openid-configuration
/// and issuer/jwks.json, mode 0644, each replaced at once and only when it is to be another; the
/// keys first. With no issuer ("") both are removed.
Status publish_issuer(int store_fd, const credentials::IssuerNames& names, const std::string& jwks);

}  // namespace carrel::programs
