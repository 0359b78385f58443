#include "launcher/cli/review/fields.h"
#include "launcher/cli/review/json_array.h"
#include "launcher/cli/review/net_text.h"
#include "profiles/base/rfc3339.h"

namespace carrel::review {
namespace {

std::vector<std::string> list(const std::set<std::string>& items) {
  return {items.begin(), items.end()};
}

void write_counts(events::JsonObject* object, std::string_view name,
                  const std::map<std::string, uint64_t>& items) {
  events::JsonObject counts(object->raw(name));
  for (const auto& [each, times] : items)
    counts.number(json_name(each), times);
  counts.end();
}

void write_destination(events::JsonObject* object, const Destination& each) {
  object->bytes("name", each.name);
  object->number("port", each.port);
  object->bytes("mode", each.mode);
  object->bytes("rule", each.rule);
  object->number("connections", each.connections);
  object->number("denied", each.refused);
  object->number("without_process", each.without_process);
  object->number("up", each.up);
  object->number("down", each.down);
  object->bytes("first", to_rfc3339(each.first_ns));
  object->bytes("last", to_rfc3339(each.last_ns));
  bytes_array(object, "programs", list(each.programs));
  bytes_array(object, "upstreams", list(each.upstreams));
  bytes_array(object, "leases", list(each.leases));
  write_counts(object, "ended", each.ends);
  write_counts(object, "requests", each.methods);
  object->number("requests_denied", each.requests_denied);
}

}  // namespace

std::string net_json(const std::string& session, const NetFacts& facts) {
  std::string out;
  events::JsonObject line(&out);
  line.number("v", 1);
  line.bytes("session", session);
  write_array(&line, "destinations", facts.destinations, write_destination);
  write_array(&line, "names", facts.names, [](events::JsonObject* object, const UnknownName& each) {
    object->bytes("name", each.name);
    object->bytes("reason", each.reason);
    object->bytes("rule", each.rule);
    object->number("times", each.times);
    object->bytes("first", to_rfc3339(each.first_ns));
  });
  write_array(&line, "addresses", facts.addresses,
              [](events::JsonObject* object, const RefusedAddress& each) {
                object->bytes("address", each.address);
                object->number("port", each.port);
                object->number("times", each.times);
                object->bytes("first", to_rfc3339(each.first_ns));
                bytes_array(object, "programs", list(each.programs));
              });
  write_array(&line, "notes", facts.notes, [](events::JsonObject* object, const NetNote& each) {
    object->bytes("kind", each.kind);
    object->bytes("what", each.what);
    object->bytes("name", each.name);
    object->bytes("detail", each.detail);
    object->bytes("time", to_rfc3339(each.time_ns));
  });
  line.number("unlisted", facts.unlisted);
  line.end();
  return out + "\n";
}

}  // namespace carrel::review
