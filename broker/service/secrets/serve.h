#pragma once
// Answers a broker's questions for secrets on their private channel.

#include <functional>
#include <string>

#include "broker/service/secrets/sources.h"
#include "broker/wire/protocol/connection.h"
#include "profiles/base/result.h"

namespace carrel::secrets {

/// One line for the operator's log. Never holds a byte of a secret.
using Log = std::function<void(const std::string& line)>;

/// Answers SecretRequest frames until the broker closes the channel; each question is a line of the
/// log. A secret is not kept after its answer. An Error for a peer that breaks the protocol.
Status serve(protocol::Connection& broker, const Sources& sources, const Log& log);

}  // namespace carrel::secrets
