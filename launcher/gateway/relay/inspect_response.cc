// What the server of an inspected connection answers, and what of it its client is given.

#include <algorithm>
#include <utility>

#include "launcher/gateway/relay/inspector.h"

namespace carrel::gateway {

using http::Refusal;

namespace {

constexpr size_t kMostInterim = 8;  // of one answer; servers send one or two

/// A service that shows who asks would show the credential.
Refusal echoed() {
  return {502, kSecretEchoed, "the answer holds the credential that was put in"};
}

bool holds_secret(http::SecretScanner& scanner, const http::Headers& headers) {
  return std::any_of(headers.begin(), headers.end(), [&scanner](const http::Header& each) {
    return scanner.add(each.name + ": " + each.value + "\n");
  });
}

}  // namespace

/// Its head. What comes before it (1xx) is read, counted, and left out.
Task<bool> Inspector::read_response(Exchange& exchange) {
  const http::Asked asked{exchange.request.method, exchange.websocket};
  size_t interim = 0;
  while (true) {
    auto read = http::read_response_head(from_server_.view(), asked);
    if (auto* head = std::get_if<http::ResponseHead>(&read)) {
      from_server_.take(head->size);
      exchange.told.down += head->size;
      if (!head->is_interim()) {
        exchange.response = std::move(*head);
        co_return true;
      }
      const bool left = co_await charge(head->size, Way::kDown);
      if (!left) co_return false;
      if (++interim <= kMostInterim) continue;
      const Refusal why{502, "many-interim", "the server sent more than 8 interim answers (1xx)"};
      const bool denied = co_await deny(exchange, why);
      co_return denied;
    }
    if (const auto* refusal = std::get_if<Refusal>(&read)) {
      co_return co_await deny(exchange, *refusal);
    }
    const int got = co_await server_->read(from_server_.room());
    if (got > 0) continue;
    if (end_.has_value()) co_return false;
    const Refusal why{502, "unreachable", "the server hung up before its answer"};
    const bool denied = co_await deny(exchange, why);
    co_return denied;
  }
}

Task<bool> Inspector::send_response(Exchange& exchange) {
  if (exchange.denied || end_.has_value()) co_return false;
  exchange.told.status = static_cast<uint32_t>(exchange.response.status);
  exchange.told.down_type = media_type(exchange.response.headers);
  constexpr int kNotFound = 404;
  if (exchange.response.status == kNotFound) {
    parts_.anomalies.not_found(place_.network.host, exchange.target.text(), now_ns());
  }
  if (http::speaks_dns(exchange.response.headers)) {
    const Refusal why{403, "dns-over-https", "names are not asked for over HTTPS"};
    const bool denied = co_await deny(exchange, why);
    co_return denied;
  }
  const bool upgraded = exchange.response.status == 101;
  const bool injected = exchange.scanner.has_value();
  const auto unsearched =
      injected ? http::why_not_searched(exchange.response) : std::optional<Refusal>();
  if (unsearched.has_value()) {
    const bool denied = co_await deny(exchange, *unsearched);
    co_return denied;
  }
  const http::Headers headers =
      http::filter_response(exchange.response, {injected, exchange.websocket && upgraded});
  if (injected && holds_secret(*exchange.scanner, headers)) {
    const Refusal why = echoed();
    const bool denied = co_await deny(exchange, why);
    co_return denied;
  }
  const http::Body body = http::client_body(exchange.response.body, exchange.request.is_http10);
  exchange.keep_alive = exchange.sent && exchange.request.keep_alive &&
                        exchange.response.keep_alive && body.framing != http::Framing::kUntilClose;
  http::ResponseToClient response{http::status_for_client(exchange.response.status, injected),
                                  headers,
                                  body,
                                  exchange.response.declared_length,
                                  upgraded,
                                  exchange.keep_alive};
  exchange.answered = true;
  const std::string written = http::write_response_head(response);
  const bool passed = co_await pass(*client_, written, Way::kDown);
  if (!passed) {
    end_with("reset", "the client hung up");
    co_return false;
  }
  if (upgraded) co_return true;
  co_return co_await send_response_body(exchange);
}

Task<bool> Inspector::give_content(Exchange& exchange, std::string_view content, bool chunked) {
  if (content.empty()) co_return true;
  exchange.down_sha.update(content);
  exchange.down_body += content.size();
  exchange.told.down += content.size();
  std::string piece = chunked ? http::chunk_start(content.size()) : "";
  piece += content;
  if (chunked) piece += http::kChunkEnd;
  const bool passed = co_await pass(*client_, piece, Way::kDown);
  if (!passed) end_with("reset", "the client hung up");
  co_return passed;
}

Task<bool> Inspector::send_response_body(Exchange& exchange) {
  http::BodyReader reader(exchange.response.body, UINT64_MAX);
  const http::Body to = http::client_body(exchange.response.body, exchange.request.is_http10);
  const bool chunked = to.framing == http::Framing::kChunked;
  std::string held;  // it may be the beginning of the lease
  while (reader.state() == http::BodyReader::State::kMore) {
    const auto step = reader.read(from_server_.view());
    held += step.content;
    if (exchange.scanner && exchange.scanner->add(step.content)) {
      const Refusal why = echoed();
      const bool denied = co_await deny(exchange, why);
      co_return denied;
    }
    const size_t kept = exchange.scanner ? std::min(exchange.scanner->held(), held.size()) : 0;
    const std::string_view free = std::string_view(held).substr(0, held.size() - kept);
    const bool given = co_await give_content(exchange, free, chunked);
    if (!given) co_return false;
    held.erase(0, held.size() - kept);
    from_server_.take(step.taken);
    if (step.taken > 0 || reader.state() != http::BodyReader::State::kMore) continue;
    const int got = co_await server_->read(from_server_.room());
    if (got > 0) continue;
    // The kernel tells a reset once: whoever was writing may have heard it.
    const bool in_order = got == 0 && !exchange.server_broke;
    if (in_order && reader.end() == http::BodyReader::State::kDone) break;
    end_with("reset", "the server broke off within its answer");
    co_return false;
  }
  if (reader.state() == http::BodyReader::State::kRefused) {
    end_with("protocol", reader.refusal().why);
    co_return false;
  }
  const bool given = co_await give_content(exchange, held, chunked);
  if (!given) co_return false;
  const bool ended = co_await pass(*client_, chunked ? http::kLastChunk : "", Way::kDown);
  co_return ended;
}

}  // namespace carrel::gateway
