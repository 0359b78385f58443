// What an inspected connection's client asks, and how that goes to the server.

#include <utility>

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
  const Deadline deadline(parts_.loop, *server_wait_, kHandshakeMs);
  const auto failed = co_await stream->handshake();
  if (failed.has_value()) {
    const std::string said =
        deadline.passed()
            ? "the TLS handshake with " + place_.network.host + " did not end within 10 s"
            : handshake_failure(raw, place_.network.host, failed->code);
    const Refusal why{502, deadline.passed() ? "tls-silent" : "tls", said};
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
  co_return passed;
}

}  // namespace carrel::gateway
