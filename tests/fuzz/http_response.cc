// Heads of answers: read within their bytes, and read again in the form in which the client gets
// them. The first byte says what was asked.

#include "launcher/gateway/http/headers.h"
#include "launcher/gateway/http/write.h"
#include "tests/fuzz/target.h"

FUZZ_TARGET(http_response) {
  using namespace carrel::gateway::http;
  const uint8_t bits = carrel::fuzz::take_byte(input);
  const Asked asked{(bits & 1) != 0 ? "HEAD" : "GET", (bits & 2) != 0};
  const auto read = read_response_head(input, asked);
  const auto* head = std::get_if<ResponseHead>(&read);
  if (head == nullptr) return;
  MUST(head->size <= input.size() && head->size <= kMaxResponseHead);
  MUST(head->status >= 100 && head->status < 600);
  MUST(head->status != 101 || asked.upgrade);
  MUST(
      std::holds_alternative<NeedMore>(read_response_head(input.substr(0, head->size - 1), asked)));
  if (head->is_interim() || head->status == 101) {
    MUST(head->body.framing == Framing::kNone);
    return;
  }
  const bool injected = (bits & 4) != 0;
  const Headers headers = filter_response(*head, {.injected = injected});
  for (const Header& each : headers)
    MUST(each.name != "set-cookie" && each.name != "alt-svc" && each.name != "connection");
  const Body body = client_body(head->body, (bits & 8) != 0);
  const std::string written =
      write_response_head({.status = status_for_client(head->status, injected),
                           .headers = headers,
                           .body = body,
                           .declared_length = head->declared_length,
                           .keep_alive = body.framing != Framing::kUntilClose});
  const auto again = read_response_head(written, asked);
  MUST(std::holds_alternative<ResponseHead>(again));
  const auto& known = std::get<ResponseHead>(again);
  MUST(known.size == written.size());
  MUST(known.body == body || (body.framing == Framing::kLength && body.length == 0));
  MUST(filter_response(known, {.injected = injected}) == headers);
}
