#include "launcher/gateway/relay/inspector.h"

#include <time.h>

#include <cerrno>
#include <utility>

#include "launcher/gateway/tls/client_hello.h"
#include "profiles/decide/network.h"
#include "profiles/decide/refused_requests.h"
#include <boost/asio/experimental/awaitable_operators.hpp>

namespace carrel::gateway {

using http::NeedMore;
using http::Refusal;

namespace {

constexpr uint64_t kFinishMs = 3000;
constexpr uint16_t kHttps = 443;
constexpr char kTlsHandshake = 0x16;

int64_t now_s() {
  return static_cast<int64_t>(time(nullptr));
}

std::string digest_of(const evidence::Sha256& sha, uint64_t bytes) {
  return bytes == 0 ? "" : std::string(evidence::as_view(sha.so_far()));
}

}  // namespace

std::string media_type(const http::Headers& headers) {
  const std::string* value = http::value_of(headers, "content-type");
  if (value == nullptr) return "";
  return value->substr(0, value->find_first_of("; \t"));
}

Inspector::Inspector(Parts& parts, const Place& place, Wait& client, Ways ways)
    : parts_(parts),
      place_(place),
      view_(http::view_of(place.network)),
      origin_{place.network.host, place.port, true},
      client_wait_(client),
      ways_(std::move(ways)) {}

Task<InspectionEnd> Inspector::run() {
  std::optional<InspectionEnd> end = co_await begin();
  while (!end.has_value()) {
    end = co_await one();
  }
  if (end->by != "closed" && client_ != nullptr) {
    co_await client_->spoil(kFinishMs);
  }
  co_return std::move(*end);
}

/// TLS or not is seen from the first byte.
Task<std::optional<InspectionEnd>> Inspector::begin() {
  std::string first;
  Stream plain(client_wait_, "");
  const int got = co_await plain.read(first);
  if (got == 0) co_return InspectionEnd{"closed", ""};
  if (got < 0) co_return InspectionEnd{"reset", ""};
  if (first[0] == kTlsHandshake) {
    from_client_ = std::move(first);
    co_return co_await begin_tls();
  }
  if (place_.port == kHttps || !place_.network.credential.empty()) {
    co_return InspectionEnd{"protocol", "only TLS may be spoken there"};
  }
  origin_.tls = false;
  client_ = std::make_unique<Stream>(client_wait_, std::move(first));
  co_return std::nullopt;
}

Task<std::optional<InspectionEnd>> Inspector::begin_tls() {
  ways_.hello(true);
  ClientHelloReader reader;
  reader.add(from_client_.view());
  Stream plain(client_wait_, "");
  while (std::holds_alternative<ClientHelloReader::NeedMore>(reader.state())) {
    std::string more;
    const int got = co_await plain.read(more);
    if (got <= 0) co_return InspectionEnd{"reset", "no ClientHello came"};
    reader.add(std::string_view(more).substr(0, reader.room()));
  }
  ways_.hello(false);
  events::TlsHello told;
  told.flow = place_.flow;
  Report::Said said{events::Verdict::kAllowed, decide::rule_of(place_.network), 0, place_.cookie};
  std::optional<HelloRefusal> refused;
  if (const auto* why = std::get_if<HelloRefusal>(&reader.state())) refused = *why;
  if (const auto* hello = std::get_if<ClientHello>(&reader.state())) {
    told.sni = hello->sni;
    told.alpn = hello->alpn;
    told.fingerprint = hello->fingerprint;
    if (hello->sni != place_.network.host) {
      refused = HelloRefusal{"sni-other", "the client asked for another name"};
    }
  }
  if (refused.has_value()) {
    said.verdict = events::Verdict::kDenied;
    told.why = refused->reason;
  }
  parts_.report.tell(said, std::move(told));
  if (refused.has_value()) co_return InspectionEnd{"protocol", refused->sentence};
  Result<Owned<SSL>> ssl = parts_.authority->server_end(place_.network.host, now_s());
  if (!ssl.ok()) co_return InspectionEnd{"protocol", to_string(ssl.error())};
  client_ = std::make_unique<Stream>(client_wait_, ssl.take(), reader.bytes());
  from_client_ = "";
  const Deadline deadline(parts_.loop, client_wait_, kHandshakeMs);
  const auto failed = co_await client_->handshake();
  if (failed.has_value() && deadline.passed()) {
    co_return InspectionEnd{"protocol", "the client's TLS handshake did not end within 10 s"};
  }
  if (failed.has_value()) {
    co_return InspectionEnd{"protocol",
                            "the client did not accept the session's certificate: it has "
                            "certificates of its own, or expects a certain one"};
  }
  co_return std::nullopt;
}

/// Bytes are taken from the budget before they move; false: they broke off, or nothing is left.
Task<bool> Inspector::pass(Stream& to, std::string_view bytes, Way way) {
  co_await parts_.report.room();
  const uint64_t granted = parts_.budgets.of(place_.network, way).take(bytes.size());
  const bool written = co_await to.write(bytes.substr(0, granted));
  ways_.moved(way, granted);
  co_await turn_.moved(granted);
  if (!written) co_return false;
  if (granted == bytes.size()) co_return true;
  const bool left = co_await nothing_left(way);
  co_return left;
}

/// Of bytes that came and go no further. False: the budget had not as many.
Task<bool> Inspector::charge(uint64_t bytes, Way way) {
  co_await parts_.report.room();
  const uint64_t granted = parts_.budgets.of(place_.network, way).take(bytes);
  ways_.moved(way, granted);
  co_await turn_.step();
  if (granted == bytes) co_return true;
  const bool left = co_await nothing_left(way);
  co_return left;
}

/// False: what has passed arrives, and that is the end.
Task<bool> Inspector::nothing_left(Way way) {
  ways_.spent(way);
  Wait& wait = way == Way::kUp ? *server_wait_ : client_wait_;
  co_await drain(wait, kFinishMs);
  end_ = InspectionEnd{"budget", std::string("no byte ") + to_word(way) + " is left of the budget"};
  co_return false;
}

void Inspector::tell(const Exchange& exchange) {
  events::HttpRequest told = exchange.told;
  told.up_sha256 = digest_of(exchange.up_sha, exchange.up_body);
  told.down_sha256 = digest_of(exchange.down_sha, exchange.down_body);
  if (exchange.allowed.by_grant && told.reason.empty()) told.reason = "by-grant";
  parts_.report.tell({exchange.verdict, decide::rule_of(place_.network), 0, place_.cookie},
                     std::move(told));
}

void Inspector::end_with(std::string by, std::string why) {
  if (!end_.has_value()) end_ = InspectionEnd{std::move(by), std::move(why)};
}

/// The client reads why; false, so that the caller ends with it.
Task<bool> Inspector::deny(Exchange& exchange, const Refusal& refusal) {
  if (exchange.denied) co_return false;
  exchange.denied = true;
  const bool of_server = refusal.status >= 500 && refusal.reason != kSecretEchoed;
  exchange.verdict = of_server ? events::Verdict::kAllowed : events::Verdict::kDenied;
  exchange.told.reason = refusal.reason;
  if (!exchange.answered) exchange.told.status = static_cast<uint32_t>(refusal.status);
  if (exchange.answered) {
    end_ = InspectionEnd{"protocol", refusal.why};
    co_return false;
  }
  http::Denial denial;
  denial.refusal = refusal;
  denial.rule = decide::rule_of(place_.network);
  const auto stands = parts_.places.find(denial.rule);
  const RulePlace rule = stands == parts_.places.end() ? RulePlace{} : stands->second;
  denial.file = rule.file.empty() ? parts_.profile_path : rule.file;
  denial.line = rule.line;
  denial.flow = place_.flow;
  if (decide::grant_helps(refusal.reason, exchange.request.method)) {
    denial.request = decide::request_line(place_.network.host, place_.port);
  }
  const std::string wanted = decide::credential_on_request(parts_.profile, place_.network);
  if (refusal.reason == kNoLease && !wanted.empty()) {
    denial.request = decide::credential_request_line(wanted);
  }
  const std::string answer =
      http::write_denial(denial, {.is_head = exchange.request.method == "HEAD",
                                  .as_text = http::shows_text_alone(exchange.request)});
  exchange.told.down += answer.size();
  const bool passed = co_await pass(*client_, answer, Way::kDown);
  if (!passed) co_return false;
  co_await client_->finish(kFinishMs);
  end_ = InspectionEnd{"closed", refusal.why};
  co_return false;
}

Task<std::optional<InspectionEnd>> Inspector::one() {
  Exchange exchange(parts_.bodies);
  exchange.told.flow = place_.flow;
  exchange.told.host = place_.network.host;
  exchange.told.number = requests_ + 1;
  const bool arrived = co_await read_request(exchange);
  // A connection that ends between two requests has made none.
  if (!arrived && exchange.told.status == 0) co_return end_;
  ++requests_;
  bool done = arrived;
  for (const Step step : {&Inspector::decide, &Inspector::inject, &Inspector::reach_server,
                          &Inspector::read_front, &Inspector::converse}) {
    if (!done) break;
    done = co_await (this->*step)(exchange);
  }
  tell(exchange);
  if (done && exchange.response.status == 101) {
    InspectionEnd end = co_await tunnel();
    co_return end;
  }
  if (done) ways_.by_grant(false);
  // What the server says unasked is no answer to the next request.
  if (done && exchange.keep_alive && from_server_.empty()) co_return std::nullopt;
  if (done) {
    co_await client_->finish(kFinishMs);
  }
  const InspectionEnd end = end_.value_or(InspectionEnd{done ? "closed" : "reset", ""});
  if (exchange.has_more() && (exchange.denied || end.by == "closed")) {
    co_await client_->forget_rest(kFinishMs);
  }
  co_return end;
}

Task<> Inspector::one_way(Stream& from, Stream& to, Buffer& rest, Way way) {
  while (!end_.has_value()) {
    if (!rest.empty()) {
      const bool passed = co_await pass(to, rest.view(), way);
      if (!passed) break;
      rest.take(rest.view().size());
      continue;
    }
    const int got = co_await from.read(rest.room());
    if (got == 0) {
      co_await to.finish(kFinishMs);
      co_return;
    }
    if (got < 0) break;
  }
  end_with("reset", "");
  client_wait_.close();
  server_wait_->close();
}

/// After 101: bytes both ways, under the same budgets.
Task<InspectionEnd> Inspector::tunnel() {
  using asio::experimental::awaitable_operators::operator&&;
  co_await (one_way(*client_, *server_, from_client_, Way::kUp) &&
            one_way(*server_, *client_, from_server_, Way::kDown));
  co_return end_.value_or(InspectionEnd{"closed", ""});
}

}  // namespace carrel::gateway
