#pragma once
// Answers a broker's questions for secrets on their private channel.

#include <functional>
#include <string>

#include "broker/service/secrets/sources.h"
#include "broker/service/secrets/store_client.h"
#include "broker/wire/protocol/connection.h"
#include "profiles/base/result.h"

namespace carrel::secrets {

/// One line for the operator's log. Never holds a byte of a secret.
using Log = std::function<void(const std::string& line)>;

/// Answers SecretRequest frames until the broker closes the channel; each question is a line of the
/// log. A secret is not kept after its answer. What lies in files is answered at once, what lies in
/// the store when the store has said it: no question waits for another. `store`: of the settings
/// that held when the program began; null where there was none, or none that can be used, of which
/// `no_store` says why. An Error for a peer that breaks the protocol, and where the settings name
/// another store by now: whoever started us starts us anew.
Status serve(protocol::Connection& broker, const Sources& sources, StoreClient* store,
             const std::string& no_store, const Log& log);

}  // namespace carrel::secrets
