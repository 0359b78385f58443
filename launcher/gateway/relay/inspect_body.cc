// The body of what an inspected connection's client asks.

#include <utility>

#include "launcher/gateway/http/git_fetch.h"
#include "launcher/gateway/http/git_push.h"
#include "launcher/gateway/http/gunzip.h"
#include "launcher/gateway/relay/inspector.h"
#include <boost/asio/experimental/awaitable_operators.hpp>

namespace carrel::gateway {

using http::Refusal;

namespace {

/// For what is judged before it passes: its client has all of it before it says the first byte.
constexpr uint64_t kJudgedMs = 60'000;

constexpr const char* kNoRoom = "no-room";

Refusal no_room() {
  return {503, kNoRoom, "the gateway holds as many bodies of requests as it may at once"};
}

}  // namespace

/// What is judged before any of the request goes to the server.
Task<bool> Inspector::read_front(Exchange& exchange) {
  const bool waits = exchange.request.expects_continue && from_client_.empty() &&
                     exchange.request.body.framing != http::Framing::kNone;
  if (waits) {
    const bool told = co_await pass(*client_, http::kContinue, Way::kDown);
    if (!told) co_return false;
  }
  exchange.body.emplace(exchange.request.body, exchange.allowed.max_body);
  const http::GitStep git = exchange.allowed.git;
  if (git != http::GitStep::kFetch && git != http::GitStep::kPush) co_return true;
  const Deadline deadline(parts_.loop, client_wait_, kJudgedMs);
  bool good = false;
  if (git == http::GitStep::kFetch) {
    good = co_await read_fetch(exchange);
  } else {
    good = co_await read_push(exchange);
  }
  if (deadline.passed()) {
    end_ = InspectionEnd{"protocol", "what is judged of git's request did not come within 60 s"};
  }
  co_return good && !deadline.passed();
}

/// The next bytes of the request; false: it broke off.
Task<bool> Inspector::more_of_request(Exchange& exchange, const char* where) {
  const int got = co_await client_->read(from_client_.room());
  if (got <= 0 && !exchange.refused) end_with("reset", where);
  co_return got > 0;
}

/// All of a body, within its bound. False: it broke off, or was refused and denied.
Task<bool> Inspector::read_body(Exchange& exchange, std::string& body) {
  http::BodyReader& reader = *exchange.body;
  while (reader.state() == http::BodyReader::State::kMore) {
    const auto step = reader.read(from_client_.view());
    if (!exchange.room.grow(step.content.size())) {
      const Refusal why = no_room();
      const bool denied = co_await deny(exchange, why);
      co_return denied;
    }
    body += step.content;
    from_client_.take(step.taken);
    co_await turn_.moved(step.taken);
    if (step.taken > 0 || reader.state() != http::BodyReader::State::kMore) continue;
    const bool more = co_await more_of_request(exchange, "within a body");
    if (!more) co_return false;
  }
  if (reader.state() == http::BodyReader::State::kDone) co_return true;
  const bool denied = co_await deny(exchange, reader.refusal());
  co_return denied;
}

/// Unpacks a fetch's body and looks into it; nothing where its rule lets it pass.
std::optional<Refusal> Inspector::judge_fetch(Exchange& exchange, std::string& body) {
  const std::string* encoding = http::value_of(exchange.request.headers, "content-encoding");
  if (encoding != nullptr && *encoding == "gzip") {
    auto unpacked = http::gunzip(body, exchange.allowed.max_body);
    if (auto* why = std::get_if<Refusal>(&unpacked)) return std::move(*why);
    body = std::move(std::get<std::string>(unpacked));
    if (!exchange.room.grow(body.size())) return no_room();
  }
  auto judged = http::judge_fetch(body, http::git_version(exchange.filtered.headers));
  if (auto* why = std::get_if<Refusal>(&judged)) return std::move(*why);
  return std::nullopt;
}

/// A fetch's body is read whole, judged, and sent as it reads.
Task<bool> Inspector::read_fetch(Exchange& exchange) {
  std::string packed;
  const bool whole = co_await read_body(exchange, packed);
  if (!whole) co_return false;
  // Twice: a grant lets pass what came, not what it reads as.
  std::optional<Refusal> refusal;
  if (exchange.room.grow(packed.size())) {
    exchange.front = packed;
    refusal = judge_fetch(exchange, exchange.front);
  } else {
    refusal = no_room();
  }
  if (!refusal.has_value()) {
    // What was looked into is what is sent: as it reads, not as it was packed.
    std::erase_if(exchange.filtered.headers,
                  [](const http::Header& each) { return each.name == "content-encoding"; });
  } else if (refusal->reason != kNoRoom && pass_by_grant(exchange)) {
    exchange.front = std::move(packed);
  } else {
    const bool denied = co_await deny(exchange, *refusal);
    co_return denied;
  }
  exchange.request.body = {http::Framing::kLength, exchange.front.size()};
  co_return true;
}

/// Reads a push up to its pack, and decides its refs.
Task<bool> Inspector::read_push(Exchange& exchange) {
  http::BodyReader& reader = *exchange.body;
  http::PushJudge judge(view_.rules[exchange.allowed.rule.index.value_or(0)].refs);
  while (judge.state() == http::PushJudge::State::kMore) {
    const auto step = reader.read(from_client_.view());
    if (!exchange.room.grow(step.content.size())) {
      const Refusal why = no_room();
      const bool denied = co_await deny(exchange, why);
      co_return denied;
    }
    judge.add(step.content);
    from_client_.take(step.taken);
    co_await turn_.moved(step.taken);
    if (reader.state() == http::BodyReader::State::kDone) judge.end();
    if (reader.state() != http::BodyReader::State::kMore) break;
    if (step.taken > 0) continue;
    const bool more = co_await more_of_request(exchange, "within a push");
    if (!more) co_return false;
  }
  const bool refused = reader.state() == http::BodyReader::State::kRefused;
  const bool judged = judge.state() == http::PushJudge::State::kAllowed;
  if (refused || (!judged && !pass_by_grant(exchange))) {
    const Refusal refusal = refused ? reader.refusal() : judge.refusal();
    const bool denied = co_await deny(exchange, refusal);
    co_return denied;
  }
  exchange.front = judge.front();
  co_return true;
}

/// Whether so many bytes more may follow: what is longer than its rule says needs the grant.
bool Inspector::may_grow(Exchange& exchange, uint64_t bytes) {
  const std::optional<uint64_t>& own = exchange.allowed.by_grant_after;
  if (!own.has_value() || exchange.up_body + bytes <= *own) return true;
  return exchange.allowed.by_grant || pass_by_grant(exchange);
}

Task<bool> Inspector::send_content(Exchange& exchange, std::string_view content, bool chunked) {
  if (content.empty()) co_return true;
  if (!may_grow(exchange, content.size())) {
    const Refusal why{413, "body-too-large", "the body is longer than its rule says"};
    const bool denied = co_await deny(exchange, why);
    if (end_.has_value()) end_->by = "protocol";
    co_return denied;
  }
  exchange.up_sha.update(content);
  exchange.up_body += content.size();
  exchange.told.up += content.size();
  std::string piece;
  if (chunked) {
    piece = http::chunk_start(content.size());
    piece += content;
    piece += http::kChunkEnd;
    content = piece;
  }
  const bool passed = co_await pass(*server_, content, Way::kUp);
  co_return passed;
}

/// What was judged, and the rest as it comes. False: it did not go whole; only where the server
/// broke off there is no end yet.
Task<bool> Inspector::send_body(Exchange& exchange) {
  http::BodyReader& reader = *exchange.body;
  const bool chunked = exchange.request.body.framing == http::Framing::kChunked;
  const bool begun = co_await send_content(exchange, exchange.front, chunked);
  if (!begun) co_return false;
  std::string().swap(exchange.front);
  exchange.room.give_back();
  while (reader.state() == http::BodyReader::State::kMore) {
    if (exchange.refused) co_return false;
    const auto step = reader.read(from_client_.view());
    const bool sent = co_await send_content(exchange, step.content, chunked);
    if (!sent) co_return false;
    from_client_.take(step.taken);
    if (step.taken > 0 || reader.state() != http::BodyReader::State::kMore) continue;
    const bool more = co_await more_of_request(exchange, "within a body");
    if (!more) co_return false;
  }
  // What has been sent of it must not be taken for whole: the server's side is reset at the end.
  if (reader.state() == http::BodyReader::State::kRefused) {
    const bool denied = co_await deny(exchange, reader.refusal());
    if (end_.has_value()) end_->by = "protocol";
    co_return denied;
  }
  const bool ended = co_await pass(*server_, chunked ? http::kLastChunk : "", Way::kUp);
  co_return ended;
}

/// A server may answer before it has read the request, and not read the rest then: while this is
/// sent, its answer is read and passed on.
Task<bool> Inspector::converse(Exchange& exchange) {
  const bool begun = co_await send_head(exchange);
  if (!begun && end_.has_value()) co_return false;
  const bool more =
      !exchange.front.empty() || exchange.request.body.framing != http::Framing::kNone;
  exchange.sent = begun && !more;
  if (!begun || !more) {
    co_await hear(exchange);
  } else {
    using asio::experimental::awaitable_operators::operator&&;
    co_await (ask(exchange) && hear(exchange));
  }
  co_return exchange.heard;
}

/// The rest of the request. A server that breaks off within it may have said why.
Task<> Inspector::ask(Exchange& exchange) {
  const bool sent = co_await send_body(exchange);
  exchange.sent = sent;
  if (sent || exchange.refused) co_return;
  if (end_.has_value()) {
    server_wait_->close();
  } else {
    exchange.server_broke = true;
  }
}

/// The answer. Where it is a refusal, or the client cannot have it, the rest of the request is not
/// sent.
Task<> Inspector::hear(Exchange& exchange) {
  constexpr int kRedirects = 300;
  bool heard = co_await read_response(exchange);
  if (heard && !exchange.sent && exchange.response.status >= kRedirects) {
    exchange.refused = true;
    client_wait_.stop_reading();
  }
  if (heard) {
    heard = co_await send_response(exchange);
  }
  exchange.heard = heard;
  if (exchange.sent || (heard && exchange.response.status < kRedirects)) co_return;
  if (heard) {
    end_with("closed", "the server answered before it had read the request");
  } else {
    end_with("reset", "");
  }
  server_wait_->close();
  client_wait_.stop_reading();
}

}  // namespace carrel::gateway
