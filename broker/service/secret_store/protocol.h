#pragma once
// The bytes of the store's protocol: what is asked, and what an answer means. Of HashiCorp Vault's
// HTTP API, as OpenBao has it, too: auth/approle, auth/token, secret/kv version 2. Pure.

#include <cstdint>
#include <string>

#include "broker/service/secret_store/settings.h"
#include "profiles/base/result.h"
#include "profiles/base/secret.h"

namespace carrel::secret_store {

/// One request, always with "X-Vault-Request: true".
struct Request {
  std::string method;
  std::string path;  // from "/v1/"
  Secret token;      // sent as X-Vault-Token; empty: none
  Secret body;       // JSON; empty: none
};

/// One answer, whole.
struct Response {
  int status = 0;
  Secret body;
};

/// POST auth/<mount>/login.
Request login_request(const Settings& settings, const Secret& secret_id);
/// POST auth/token/renew-self, without a wish how long.
Request renew_request(const Secret& token);
/// GET <mount>/data/<path>: the newest version.
Request read_request(const Settings& settings, const Item& item, const Secret& token);
/// POST auth/token/revoke-self.
Request revoke_request(const Secret& token);

/// What the store gives to who logs in or renews.
struct Login {
  Secret token;          // 1 to 4096 visible ASCII characters
  uint64_t lease_s = 0;  // 0: has no end
  bool renewable = false;
};

/// An Error says why there is no token: EACCES where the store refuses role_id and secret_id (400,
/// 403), EPROTO for an answer that is none of a store's, EAGAIN where asking later may do.
Result<Login> read_login(const Response& response);

struct Value {
  Secret bytes;
  uint64_t version = 0;
};

/// The item's field. EACCES: 403, the token may not read it or has ended; ENOENT: there is no such
/// entry, or no such field; EPROTO and EAGAIN as above. An answer with a lease is refused: it is a
/// secret made for us, which would have to be revoked. Never a byte of a secret in an Error.
Result<Value> read_value(const Response& response, const Settings& settings, const Item& item);

/// Whether a renewal or a revocation was done.
Status read_done(const Response& response);

}  // namespace carrel::secret_store
