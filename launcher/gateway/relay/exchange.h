#pragma once
// One inspected request and its answer, as far as they have come.

#include <optional>

#include "broker/record/events/event.h"
#include "broker/record/evidence/sha256.h"
#include "launcher/gateway/http/headers.h"
#include "launcher/gateway/http/policy.h"
#include "launcher/gateway/http/secrets.h"
#include "launcher/gateway/http/target.h"

namespace carrel::gateway {

struct Exchange {
  http::RequestHead request;
  http::Target target;
  http::Allowed allowed;
  http::FilteredRequest filtered;
  http::InjectedHeader injected;               // with `scanner`
  std::optional<http::SecretScanner> scanner;  // of the answer, where a lease was put in
  http::ResponseHead response;
  events::HttpRequest told;
  evidence::Sha256 up_sha, down_sha;
  uint64_t up_body = 0, down_body = 0;
  events::Verdict verdict = events::Verdict::kAllowed;
  bool websocket = false;
  bool keep_alive = false;
  bool answered = false;  // the client has been sent the beginning of an answer
};

}  // namespace carrel::gateway
