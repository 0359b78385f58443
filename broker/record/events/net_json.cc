#include "broker/record/events/net_json.h"

#include "broker/record/events/json.h"
#include "profiles/base/rfc3339.h"
#include "profiles/base/text.h"

namespace carrel::events {
namespace {

void digest(JsonObject* out, std::string_view name, const std::string& raw) {
  if (raw.empty()) {
    out->null(name);
  } else {
    out->bytes(name, to_hex(raw));
  }
}

}  // namespace

void write_members(const DnsQuery& event, JsonObject* out) {
  out->number("flow", event.flow);
  out->bytes("name", event.name);
  out->bytes("type", event.type);
  out->bytes("answer", event.answer);
  out->bytes("reason", event.reason);
  out->bytes("address", event.address);
  out->number("count", event.count);
}
void write_members(const NetOpen& event, JsonObject* out) {
  out->number("flow", event.flow);
  out->bytes("name", event.name);
  out->bytes("address", event.address);
  out->number("port", event.port);
  out->bytes("mode", event.mode);
}
void write_members(const NetClose& event, JsonObject* out) {
  out->number("flow", event.flow);
  out->bytes("name", event.name);
  out->bytes("upstream", event.upstream);
  out->number("up", event.up);
  out->number("down", event.down);
  out->bytes("by", event.by);
  out->bytes("why", event.why);
  out->number("ms", event.ms);
}
void write_members(const NetRefused& event, JsonObject* out) {
  out->bytes("protocol", event.protocol);
  out->bytes("address", event.address);
  out->number("port", event.port);
  out->number("count", event.count);
}
void write_members(const NetBudget& event, JsonObject* out) {
  out->bytes("name", event.name);
  out->bytes("way", event.way);
  out->number("limit", event.limit);
  out->number("used", event.used);
  out->number("flow", event.flow);
}
void write_members(const NetAnomaly& event, JsonObject* out) {
  out->bytes("what", event.what);
  out->bytes("name", event.name);
  out->bytes("detail", event.detail);
}
void write_members(const TlsHello& event, JsonObject* out) {
  out->number("flow", event.flow);
  out->bytes("sni", event.sni);
  bytes_array(out, "alpn", event.alpn);
  out->bytes("fingerprint", event.fingerprint);
  out->bytes("why", event.why);
}
void write_members(const HttpRequest& event, JsonObject* out) {
  out->number("flow", event.flow);
  out->number("number", event.number);
  out->bytes("method", event.method);
  out->bytes("host", event.host);
  out->bytes("path", event.path);
  bytes_array(out, "query", event.query);
  digest(out, "query_sha256", event.query_sha256);
  out->number("status", event.status);
  out->number("up", event.up);
  out->number("down", event.down);
  digest(out, "up_sha256", event.up_sha256);
  digest(out, "down_sha256", event.down_sha256);
  out->bytes("up_type", event.up_type);
  out->bytes("down_type", event.down_type);
  out->number("dropped", event.dropped);
  out->bytes("lease", event.lease);
  out->bytes("reason", event.reason);
}
void write_members(const GrantChange& event, JsonObject* out) {
  out->bytes("id", event.id);
  out->bytes("what", event.what);
  digest(out, "text_sha256", event.text_sha256);
  out->bytes("person", event.person);
  out->bytes("reason", event.reason);
  if (event.until_ns == 0) {
    out->null("until");
  } else {
    out->bytes("until", to_rfc3339(event.until_ns));
  }
}

}  // namespace carrel::events
