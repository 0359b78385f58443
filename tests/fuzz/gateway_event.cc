// What the gateway tells the session, once it was taken over: two bytes of a type, then a payload.
// What is taken is the network's, lies in the time it may lie in, and is the same once it is
// stored.

#include "broker/record/events/json.h"
#include "launcher/watch/session/gateway_port.h"
#include "tests/fuzz/target.h"

namespace {

constexpr uint64_t kLast = 10;
constexpr uint64_t kNow = 1000;

const carrel::events::Rule* no_rule(std::string_view) {
  return nullptr;
}

}  // namespace

FUZZ_TARGET(gateway_event) {
  using namespace carrel;
  protocol::GatewayEvent message;
  const uint32_t high = fuzz::take_byte(input);
  message.set_code(high << 8 | fuzz::take_byte(input));
  message.set_mono_ns(input.size() * 7);
  message.set_payload(std::string(input));
  const auto code = static_cast<uint16_t>(message.code());
  const auto decoded = events::decode_payload(code, input);
  MUST(decoded.ok() == events::check_payload(code, input).ok());
  if (decoded.ok()) MUST(!events::to_json(decoded.value(), "s", no_rule).empty());
  const auto told = session::read_network_event(message, kLast, kNow);
  if (!told.ok()) return;
  const events::Event& event = told.value().event;
  MUST(decoded.ok() && event.data == decoded.value().data);
  MUST(event.mono_ns >= kLast && event.mono_ns <= kNow);
  MUST(!event.process.has_value() && event.channel.empty());
  const std::string_view kind = events::type_name(event.data);
  MUST(kind.starts_with("dns.") || kind.starts_with("net.") || kind.starts_with("tls.") ||
       kind.starts_with("http."));
  const std::string stored = events::encode_payload(event);
  const auto again = events::decode_payload(code, stored);
  MUST(again.ok() && again.value().data == event.data && again.value().rule == event.rule);
  MUST(events::encode_payload(again.value()) == stored);
}
