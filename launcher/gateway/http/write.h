#pragma once
// Heads as the gateway sends them: written anew from the values that were decided, so that no byte
// of a message's own spelling passes, and with framing of the gateway's choosing. Pure.

#include <optional>
#include <string>
#include <string_view>

#include "launcher/gateway/http/head.h"
#include "launcher/gateway/http/headers.h"
#include "launcher/gateway/http/target.h"

namespace carrel::gateway::http {

struct RequestToHost {
  std::string_view method;
  const Target& target;
  const Origin& origin;
  const Headers& headers;                    // from filter_request()
  Body body;                                 // kNone, kLength or kChunked, as it will be sent
  const InjectedHeader* injected = nullptr;  // its name's own fields are left out
  bool websocket = false;
  bool keep_alive = true;  // "Connection: close" otherwise
};

/// Always HTTP/1.1. A request without a body has no framing field, but for POST, PUT and PATCH,
/// which have Content-Length: 0 (RFC 9110 8.6). A Secret, because a lease may be in it.
Secret write_request_head(const RequestToHost& request);

struct ResponseToClient {
  int status = 200;
  const Headers& headers;                        // from filter_response()
  Body body;                                     // from client_body(); kNone where nothing follows
  std::optional<uint64_t> declared_length = {};  // with kNone: of HEAD and 304
  bool websocket = false;                        // a granted 101
  bool keep_alive = true;
};

/// The status line has our own phrase, "HTTP/1.1 200 OK".
std::string write_response_head(const ResponseToClient& response);

/// How a body is sent on to a client: of known length as such, else in chunks; to HTTP/1.0, which
/// has none, until the connection closes.
Body client_body(const Body& from_host, bool is_http10);

/// "OK" for 200; "Status" for one without a phrase.
std::string_view phrase_of(int status);

/// Tells a client that waits (RequestHead::expects_continue) to send its body.
inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace carrel::gateway::http
