// What an inspected connection's client asks, and what of it goes to the server.

#include <utility>

#include "launcher/gateway/http/git_fetch.h"
#include "launcher/gateway/http/git_push.h"
#include "launcher/gateway/http/gunzip.h"
#include "launcher/gateway/relay/inspector.h"

namespace carrel::gateway {

using http::Refusal;

namespace {

/// Keys of a canonical query, at most 32.
std::vector<std::string> query_keys(std::string_view query) {
  constexpr size_t kMost = 32;
  std::vector<std::string> out;
  while (!query.empty() && out.size() < kMost) {
    const std::string_view pair = query.substr(0, query.find('&'));
    out.emplace_back(pair.substr(0, pair.find('=')));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
  }
  return out;
}

}  // namespace

Task<bool> Inspector::read_request(Exchange& exchange) {
  while (true) {
    auto read = http::read_request_head(from_client_.view());
    if (auto* head = std::get_if<http::RequestHead>(&read)) {
      exchange.request = std::move(*head);
      exchange.told.up = exchange.request.size;
      from_client_.take(exchange.request.size);
      co_return true;
    }
    if (const auto* refusal = std::get_if<Refusal>(&read)) {
      co_return co_await deny(exchange, *refusal);
    }
    const int got = co_await client_->read(from_client_.room());
    if (got > 0) continue;
    const bool in_order = got == 0 && from_client_.empty();
    end_ = in_order ? InspectionEnd{"closed", ""} : InspectionEnd{"reset", "within a request"};
    co_return false;
  }
}

Task<bool> Inspector::decide(Exchange& exchange) {
  exchange.told.method = exchange.request.method;
  exchange.told.up_type = media_type(exchange.request.headers);
  view_.every = every_granted();
  auto target = http::read_target(exchange.request, origin_, http::escaped_slash_of(view_));
  if (const auto* refusal = std::get_if<Refusal>(&target)) {
    exchange.told.path = exchange.request.target.substr(0, exchange.request.target.find('?'));
    co_return co_await deny(exchange, *refusal);
  }
  exchange.target = std::get<http::Target>(std::move(target));
  exchange.told.path = exchange.target.path;
  if (exchange.target.has_query) {
    exchange.told.query = query_keys(exchange.target.query);
    exchange.told.query_sha256 = evidence::as_view(evidence::sha256(exchange.target.query));
  }
  auto decided = http::decide(view_, exchange.request, exchange.target);
  if (const auto* denied = std::get_if<http::Denied>(&decided)) {
    co_return co_await deny(exchange, denied->refusal);
  }
  exchange.allowed = std::get<http::Allowed>(decided);
  ways_.by_grant(exchange.allowed.by_grant);
  const uint64_t now = now_ns();
  parts_.anomalies.asked(place_.network.host, now);
  parts_.anomalies.target(place_.network.host, exchange.target.path, exchange.target.query, now);
  const model::Credential* wanted = credential();
  http::RequestFilter filter;
  filter.injects = wanted != nullptr && wanted->kind == model::CredentialKind::kHeader;
  // What comes through a websocket is not searched. The profile's parser refuses the two together.
  exchange.websocket =
      exchange.allowed.upgrade && !filter.injects && http::asks_websocket(exchange.request);
  if (exchange.allowed.rule.index.has_value()) {
    filter.extra = view_.rules[*exchange.allowed.rule.index].headers;
  }
  filter.websocket = exchange.websocket;
  exchange.filtered = http::filter_request(exchange.request, filter);
  const http::Dropped& dropped = exchange.filtered.dropped;
  exchange.told.dropped =
      static_cast<uint32_t>(dropped.forbidden + dropped.unknown + dropped.too_long);
  co_return true;
}

/// Whether a request that no rule lets pass is granted now.
bool Inspector::every_granted() const {
  return decide::passes_every_request(parts_.grants.list(), place_.network.host, place_.port);
}

/// A request that its rule has refused by its body passes by a grant, where there is one.
bool Inspector::pass_by_grant(Exchange& exchange) {
  exchange.allowed.by_grant = every_granted();
  ways_.by_grant(exchange.allowed.by_grant);
  return exchange.allowed.by_grant;
}

/// The credential that the rule puts in; null for none.
const model::Credential* Inspector::credential() const {
  for (const model::Credential& each : parts_.profile.credentials) {
    if (each.name == place_.network.credential) return &each;
  }
  return nullptr;
}

/// How the profile wants it put in.
http::Injection Inspector::injection(const model::Credential& wanted, const Lease& lease) {
  http::Injection injection;
  injection.lease = &lease.secret;
  if (wanted.inject == "basic") {
    injection.scheme = http::Injection::Scheme::kBasic;
    injection.user = wanted.user;
  } else if (!wanted.inject.empty() && wanted.inject != "bearer") {
    injection.scheme = http::Injection::Scheme::kHeader;
    injection.header = wanted.inject;
  }
  return injection;
}

/// Without its lease a request that needs one goes nowhere.
Task<bool> Inspector::inject(Exchange& exchange) {
  const model::Credential* wanted = credential();
  if (wanted == nullptr) co_return true;
  const Lease* lease = parts_.leases.find(wanted->name);
  Refusal refusal{503, kNoLease, "the credential that this needs is not there now"};
  if (lease == nullptr && wanted->issue == model::CredentialIssue::kRequest) {
    // Whoever tries again by itself tries in vain: somebody has to ask, and somebody to grant it.
    refusal.status = 403;
    refusal.why = "the credential that this needs is issued when a request for it is granted";
  }
  if (lease != nullptr) {
    exchange.told.lease = lease->id;
    if (lease->certificate.has_value()) co_return true;
    Result<http::InjectedHeader> made = http::make_injected(injection(*wanted, *lease));
    if (made.ok()) {
      exchange.injected = made.take();
      exchange.scanner.emplace(lease->forms);
      co_return true;
    }
    refusal.why = to_string(made.error());
  }
  const bool denied = co_await deny(exchange, refusal);
  co_return denied;
}

/// Reading the roots takes tens of milliseconds: when the first server is asked, and then never
/// again.
Result<Owned<SSL>> Inspector::client_end() {
  if (!parts_.upstream.has_value()) {
    ASSIGN_OR_RETURN(parts_.upstream, Upstream::create(parts_.roots));
  }
  const Lease* lease = parts_.leases.find(place_.network.credential);
  const ClientCertificate* certificate =
      lease != nullptr && lease->certificate ? &*lease->certificate : nullptr;
  return parts_.upstream->client_end(place_.network.host, certificate);
}

/// One connection to the server for one of the client.
Task<bool> Inspector::reach_server(Exchange& exchange) {
  if (server_ != nullptr) co_return true;
  server_wait_ = co_await ways_.dial();
  if (server_wait_ == nullptr) {
    const Refusal why{502, "unreachable", ways_.why()};
    const bool denied = co_await deny(exchange, why);
    co_return denied;
  }
  if (!origin_.tls) {
    server_ = std::make_unique<Stream>(*server_wait_, "");
    co_return true;
  }
  Result<Owned<SSL>> ssl = client_end();
  if (!ssl.ok()) {
    const Refusal why{502, "tls", to_string(ssl.error())};
    const bool denied = co_await deny(exchange, why);
    co_return denied;
  }
  SSL* raw = ssl.value().get();
  auto stream = std::make_unique<Stream>(*server_wait_, ssl.take(), "");
  const auto failed = co_await stream->handshake();
  if (failed.has_value()) {
    const Refusal why{502, "tls", handshake_failure(raw, place_.network.host, failed->code)};
    const bool denied = co_await deny(exchange, why);
    co_return denied;
  }
  server_ = std::move(stream);
  co_return true;
}

Task<bool> Inspector::send_head(Exchange& exchange) {
  const http::RequestToHost request{exchange.request.method,
                                    exchange.target,
                                    origin_,
                                    exchange.filtered.headers,
                                    exchange.request.body,
                                    exchange.scanner ? &exchange.injected : nullptr,
                                    exchange.websocket,
                                    true};
  const Secret head = http::write_request_head(request);
  const bool passed = co_await pass(*server_, head.expose(), Way::kUp);
  if (!passed && !end_.has_value()) end_ = InspectionEnd{"reset", "the server broke off"};
  co_return passed;
}

Task<bool> Inspector::send_request(Exchange& exchange) {
  const bool waits = exchange.request.expects_continue && from_client_.empty() &&
                     exchange.request.body.framing != http::Framing::kNone;
  if (waits) {
    const bool told = co_await pass(*client_, http::kContinue, Way::kDown);
    if (!told) co_return false;
  }
  if (exchange.allowed.git == http::GitStep::kFetch) {
    const bool sent = co_await send_fetch(exchange);
    co_return sent;
  }
  // Of a push nothing is sent before its refs are decided.
  if (exchange.allowed.git != http::GitStep::kPush) {
    const bool begun = co_await send_head(exchange);
    if (!begun) co_return false;
  }
  const bool sent = co_await send_request_body(exchange);
  co_return sent;
}

/// The next bytes of the request; false: it broke off.
Task<bool> Inspector::more_of_request(const char* where) {
  const int got = co_await client_->read(from_client_.room());
  if (got <= 0) end_ = InspectionEnd{"reset", where};
  co_return got > 0;
}

/// All of a body, within its bound. False: it broke off, or was refused and denied.
Task<bool> Inspector::read_body(Exchange& exchange, std::string& body) {
  http::BodyReader reader(exchange.request.body, exchange.allowed.max_body);
  while (reader.state() == http::BodyReader::State::kMore) {
    const auto step = reader.read(from_client_.view());
    body += step.content;
    from_client_.take(step.taken);
    co_await turn_.moved(step.taken);
    if (step.taken > 0 || reader.state() != http::BodyReader::State::kMore) continue;
    const bool more = co_await more_of_request("within a body");
    if (!more) co_return false;
  }
  if (reader.state() == http::BodyReader::State::kDone) co_return true;
  const bool denied = co_await deny(exchange, reader.refusal());
  co_return denied;
}

/// Unpacks a fetch's body and looks into it; nothing where its rule lets it pass.
std::optional<Refusal> Inspector::judge_fetch(const Exchange& exchange, std::string& body) {
  const std::string* encoding = http::value_of(exchange.request.headers, "content-encoding");
  if (encoding != nullptr && *encoding == "gzip") {
    auto unpacked = http::gunzip(body, exchange.allowed.max_body);
    if (auto* why = std::get_if<Refusal>(&unpacked)) return std::move(*why);
    body = std::move(std::get<std::string>(unpacked));
  }
  auto judged = http::judge_fetch(body, http::git_version(exchange.filtered.headers));
  if (auto* why = std::get_if<Refusal>(&judged)) return std::move(*why);
  return std::nullopt;
}

/// A fetch's body is read whole, judged, and sent as it reads.
Task<bool> Inspector::send_fetch(Exchange& exchange) {
  std::string packed;
  const bool whole = co_await read_body(exchange, packed);
  if (!whole) co_return false;
  std::string body = packed;
  const std::optional<Refusal> refusal = judge_fetch(exchange, body);
  if (!refusal.has_value()) {
    // What was looked into is what is sent: as it reads, not as it was packed.
    std::erase_if(exchange.filtered.headers,
                  [](const http::Header& each) { return each.name == "content-encoding"; });
  } else if (pass_by_grant(exchange)) {
    body = std::move(packed);
  } else {
    const bool denied = co_await deny(exchange, *refusal);
    co_return denied;
  }
  exchange.request.body = {http::Framing::kLength, body.size()};
  const bool begun = co_await send_head(exchange);
  if (!begun) co_return false;
  const bool sent = co_await send_content(exchange, body, false);
  co_return sent;
}

Task<bool> Inspector::send_content(Exchange& exchange, std::string_view content, bool chunked) {
  if (content.empty()) co_return true;
  exchange.up_sha.update(content);
  exchange.up_body += content.size();
  exchange.told.up += content.size();
  std::string piece = chunked ? http::chunk_start(content.size()) : "";
  piece += content;
  if (chunked) piece += http::kChunkEnd;
  const bool passed = co_await pass(*server_, piece, Way::kUp);
  if (!passed && !end_.has_value()) end_ = InspectionEnd{"reset", "the server broke off"};
  co_return passed;
}

/// Reads a push up to its pack, decides its refs, and sends what was read.
Task<bool> Inspector::send_push_front(Exchange& exchange, http::BodyReader& reader) {
  http::PushJudge judge(view_.rules[exchange.allowed.rule.index.value_or(0)].refs);
  while (judge.state() == http::PushJudge::State::kMore) {
    const auto step = reader.read(from_client_.view());
    judge.add(step.content);
    from_client_.take(step.taken);
    co_await turn_.moved(step.taken);
    if (reader.state() == http::BodyReader::State::kDone) judge.end();
    if (reader.state() != http::BodyReader::State::kMore) break;
    if (step.taken > 0) continue;
    const bool more = co_await more_of_request("within a push");
    if (!more) co_return false;
  }
  const bool refused = reader.state() == http::BodyReader::State::kRefused;
  const bool judged = judge.state() == http::PushJudge::State::kAllowed;
  if (refused || (!judged && !pass_by_grant(exchange))) {
    const Refusal refusal = refused ? reader.refusal() : judge.refusal();
    const bool denied = co_await deny(exchange, refusal);
    co_return denied;
  }
  const bool begun = co_await send_head(exchange);
  if (!begun) co_return false;
  const bool chunked = exchange.request.body.framing == http::Framing::kChunked;
  const bool sent = co_await send_content(exchange, judge.front(), chunked);
  co_return sent;
}

Task<bool> Inspector::send_request_body(Exchange& exchange) {
  http::BodyReader reader(exchange.request.body, exchange.allowed.max_body);
  const bool chunked = exchange.request.body.framing == http::Framing::kChunked;
  if (exchange.allowed.git == http::GitStep::kPush) {
    const bool begun = co_await send_push_front(exchange, reader);
    if (!begun) co_return false;
  }
  while (reader.state() == http::BodyReader::State::kMore) {
    const auto step = reader.read(from_client_.view());
    const bool sent = co_await send_content(exchange, step.content, chunked);
    if (!sent) co_return false;
    from_client_.take(step.taken);
    if (step.taken > 0 || reader.state() != http::BodyReader::State::kMore) continue;
    const bool more = co_await more_of_request("within a body");
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

}  // namespace carrel::gateway
