#pragma once
// [store.http] of secrets.toml. Pure.

#include <optional>

#include "broker/service/secret_store/settings.h"
#include "profiles/parse/problems.h"
#include "profiles/parse/toml_tree.h"

namespace carrel::secrets {

/// The table `store`, which holds `http` alone:
///   address = "https://HOST[:PORT]"   required; nothing but https
///   role_id = "…"                     required; the secret_id is the file store.secret-id
///   mount = "secret"                  of KV version 2
///   auth_mount = "approle"
///   namespace = "team/a"              sent as X-Vault-Namespace; none by default
///   timeout = "10s"                   1 s to 15 s, of one question
///   [store.http.secrets]              NAME = { path = "ci/deploy", field = "token" }, at least one
/// Everything else adds a problem with its place.
std::optional<secret_store::Settings> read_store(const parse::Member& store,
                                                 parse::Problems& problems);

}  // namespace carrel::secrets
