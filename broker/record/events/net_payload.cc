#include "broker/record/events/net_payload.h"

namespace carrel::events {

void encode(const DnsQuery& in, pb::Payload* out) {
  auto* to = out->mutable_dns_query();
  to->set_flow(in.flow);
  to->set_name(in.name);
  to->set_type(in.type);
  to->set_answer(in.answer);
  to->set_reason(in.reason);
  to->set_address(in.address);
  to->set_count(in.count);
}

void encode(const NetOpen& in, pb::Payload* out) {
  auto* to = out->mutable_net_open();
  to->set_flow(in.flow);
  to->set_name(in.name);
  to->set_address(in.address);
  to->set_port(in.port);
  to->set_mode(in.mode);
}

void encode(const NetClose& in, pb::Payload* out) {
  auto* to = out->mutable_net_close();
  to->set_flow(in.flow);
  to->set_name(in.name);
  to->set_upstream(in.upstream);
  to->set_up(in.up);
  to->set_down(in.down);
  to->set_by(in.by);
  to->set_why(in.why);
  to->set_ms(in.ms);
}

void encode(const NetRefused& in, pb::Payload* out) {
  auto* to = out->mutable_net_refused();
  to->set_protocol(in.protocol);
  to->set_address(in.address);
  to->set_port(in.port);
  to->set_count(in.count);
}

void encode(const NetBudget& in, pb::Payload* out) {
  auto* to = out->mutable_net_budget();
  to->set_name(in.name);
  to->set_way(in.way);
  to->set_limit(in.limit);
  to->set_used(in.used);
  to->set_flow(in.flow);
}

void encode(const NetAnomaly& in, pb::Payload* out) {
  auto* to = out->mutable_net_anomaly();
  to->set_what(in.what);
  to->set_name(in.name);
  to->set_detail(in.detail);
}

void encode(const TlsHello& in, pb::Payload* out) {
  auto* to = out->mutable_tls_hello();
  to->set_flow(in.flow);
  to->set_sni(in.sni);
  for (const std::string& each : in.alpn)
    to->add_alpn(each);
  to->set_fingerprint(in.fingerprint);
  to->set_why(in.why);
}

void encode(const HttpRequest& in, pb::Payload* out) {
  auto* to = out->mutable_http_request();
  to->set_flow(in.flow);
  to->set_number(in.number);
  to->set_method(in.method);
  to->set_host(in.host);
  to->set_path(in.path);
  for (const std::string& each : in.query)
    to->add_query(each);
  to->set_query_sha256(in.query_sha256);
  to->set_status(in.status);
  to->set_up(in.up);
  to->set_down(in.down);
  to->set_up_sha256(in.up_sha256);
  to->set_down_sha256(in.down_sha256);
  to->set_up_type(in.up_type);
  to->set_down_type(in.down_type);
  to->set_dropped(in.dropped);
  to->set_lease(in.lease);
  to->set_reason(in.reason);
}

void encode(const GrantChange& in, pb::Payload* out) {
  auto* to = out->mutable_grant_change();
  to->set_id(in.id);
  to->set_what(in.what);
  to->set_text_sha256(in.text_sha256);
  to->set_person(in.person);
  to->set_reason(in.reason);
  to->set_until_ns(in.until_ns);
}

namespace {

DnsQuery decoded(const pb::DnsQuery& in) {
  DnsQuery out;
  out.flow = in.flow();
  out.name = in.name();
  out.type = in.type();
  out.answer = in.answer();
  out.reason = in.reason();
  out.address = in.address();
  out.count = in.count();
  return out;
}

NetOpen decoded(const pb::NetOpen& in) {
  NetOpen out;
  out.flow = in.flow();
  out.name = in.name();
  out.address = in.address();
  out.port = in.port();
  out.mode = in.mode();
  return out;
}

NetClose decoded(const pb::NetClose& in) {
  NetClose out;
  out.flow = in.flow();
  out.name = in.name();
  out.upstream = in.upstream();
  out.up = in.up();
  out.down = in.down();
  out.by = in.by();
  out.why = in.why();
  out.ms = in.ms();
  return out;
}

NetRefused decoded(const pb::NetRefused& in) {
  NetRefused out;
  out.protocol = in.protocol();
  out.address = in.address();
  out.port = in.port();
  out.count = in.count();
  return out;
}

NetBudget decoded(const pb::NetBudget& in, const std::string& action) {
  NetBudget out;
  out.action = action;
  out.name = in.name();
  out.way = in.way();
  out.limit = in.limit();
  out.used = in.used();
  out.flow = in.flow();
  return out;
}

NetAnomaly decoded(const pb::NetAnomaly& in) {
  NetAnomaly out;
  out.what = in.what();
  out.name = in.name();
  out.detail = in.detail();
  return out;
}

TlsHello decoded(const pb::TlsHello& in) {
  TlsHello out;
  out.flow = in.flow();
  out.sni = in.sni();
  out.alpn.assign(in.alpn().begin(), in.alpn().end());
  out.fingerprint = in.fingerprint();
  out.why = in.why();
  return out;
}

HttpRequest decoded(const pb::HttpRequest& in) {
  HttpRequest out;
  out.flow = in.flow();
  out.number = in.number();
  out.method = in.method();
  out.host = in.host();
  out.path = in.path();
  out.query.assign(in.query().begin(), in.query().end());
  out.query_sha256 = in.query_sha256();
  out.status = in.status();
  out.up = in.up();
  out.down = in.down();
  out.up_sha256 = in.up_sha256();
  out.down_sha256 = in.down_sha256();
  out.up_type = in.up_type();
  out.down_type = in.down_type();
  out.dropped = in.dropped();
  out.lease = in.lease();
  out.reason = in.reason();
  return out;
}

GrantChange decoded(const pb::GrantChange& in, const std::string& action) {
  GrantChange out;
  out.action = action;
  out.id = in.id();
  out.what = in.what();
  out.text_sha256 = in.text_sha256();
  out.person = in.person();
  out.reason = in.reason();
  out.until_ns = in.until_ns();
  return out;
}

}  // namespace

std::optional<Data> decode_net(const pb::Payload& in, const std::string& action) {
  switch (in.data_case()) {
    case pb::Payload::kDnsQuery:
      return decoded(in.dns_query());
    case pb::Payload::kNetOpen:
      return decoded(in.net_open());
    case pb::Payload::kNetClose:
      return decoded(in.net_close());
    case pb::Payload::kNetRefused:
      return decoded(in.net_refused());
    case pb::Payload::kNetBudget:
      return decoded(in.net_budget(), action);
    case pb::Payload::kNetAnomaly:
      return decoded(in.net_anomaly());
    case pb::Payload::kTlsHello:
      return decoded(in.tls_hello());
    case pb::Payload::kHttpRequest:
      return decoded(in.http_request());
    case pb::Payload::kGrantChange:
      return decoded(in.grant_change(), action);
    default:
      return std::nullopt;
  }
}

}  // namespace carrel::events
