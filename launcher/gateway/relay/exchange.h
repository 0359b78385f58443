#pragma once
// One inspected request and its answer, as far as they have come.

#include <optional>

#include "broker/record/events/event.h"
#include "broker/record/evidence/sha256.h"
#include "launcher/gateway/http/body.h"
#include "launcher/gateway/http/headers.h"
#include "launcher/gateway/http/policy.h"
#include "launcher/gateway/http/secrets.h"
#include "launcher/gateway/http/target.h"
#include "launcher/gateway/relay/body_room.h"

namespace carrel::gateway {

struct Exchange {
  explicit Exchange(BodyRoom& bodies) : room(bodies) {}

  http::RequestHead request;
  http::Target target;
  http::Allowed allowed;
  http::FilteredRequest filtered;
  http::InjectedHeader injected;               // with `scanner`
  std::optional<http::SecretScanner> scanner;  // of the answer, where a lease was put in
  std::string front;                           // of the request's body: what was judged
  BodyRoom::Share room;                        // of that
  std::optional<http::BodyReader> body;        // the rest of it, as far as it has come
  http::ResponseHead response;
  events::HttpRequest told;
  evidence::Sha256 up_sha, down_sha;
  uint64_t up_body = 0, down_body = 0;
  events::Verdict verdict = events::Verdict::kAllowed;
  bool websocket = false;
  bool keep_alive = false;
  bool sent = false;      // the whole request to the server
  bool heard = false;     // the whole answer, by the client
  bool answered = false;  // the client has been sent the beginning of an answer
  bool denied = false;
  bool refused = false;       // by the server, before it had read the request: the rest stays here
  bool server_broke = false;  // while the request was sent

  /// Whether the client may still be sending the request.
  [[nodiscard]] bool has_more() const {
    const bool read = body && body->state() == http::BodyReader::State::kDone;
    return !read && request.body.framing != http::Framing::kNone;
  }
};

}  // namespace carrel::gateway
