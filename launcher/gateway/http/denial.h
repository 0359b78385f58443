#pragma once
// What the client reads when the gateway refuses its request: which rule, where it stands, why, and
// the line to ask with. Pure.

#include <cstdint>
#include <string>
#include <string_view>

#include "launcher/gateway/http/head.h"
#include "launcher/gateway/http/refusal.h"

namespace carrel::gateway::http {

struct Denial {
  Refusal refusal;
  std::string rule;   // its id: "network.git.example.org"
  std::string file;   // of the profile, as its author names it; "" when not known
  int line = 0;       // 0 when not known
  uint64_t flow = 0;  // as the record numbers it
  std::string
      request;  // the line to ask for it with: "carrel request network HOST …"; "": none helps
};

/// One JSON object and a line's end: error ("denied" for 403, else "refused" or "failed" of 5xx),
/// reason, rule, file, line, why, flow, request, and where that is "" and the status below 500 ask:
/// what can be done instead. Bytes that are no UTF-8 become U+FFFD.
std::string denial_json(const Denial& denial);

/// What the answer is an answer to.
struct DenialTo {
  bool is_head = false;     // no body follows
  bool keep_alive = false;  // only when the whole request was read
  bool as_text = false;     // the same object, said to be text/plain
};

/// Whether the client would show its user nothing but plain text: git, and who sends no Accept, as
/// Go.
bool shows_text_alone(const RequestHead& request);

/// A whole HTTP/1.1 response of the refusal's status, with Content-Type, Content-Length,
/// Cache-Control: no-store, and Connection: close unless kept alive.
std::string write_denial(const Denial& denial, const DenialTo& to);

}  // namespace carrel::gateway::http
