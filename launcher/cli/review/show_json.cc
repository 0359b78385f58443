#include "launcher/cli/review/show_json.h"

#include <algorithm>

#include "launcher/cli/review/fields.h"
#include "launcher/cli/review/json_array.h"
#include "profiles/base/rfc3339.h"
#include "profiles/base/text.h"

namespace carrel::review {
namespace {

constexpr uint64_t kNsPerSecond = 1'000'000'000;

void hex_or_null(events::JsonObject* object, std::string_view name, const std::string& digest) {
  if (digest.empty())
    object->null(name);
  else
    object->bytes(name, to_hex(digest));
}

void write_counts(events::JsonObject* line, const Facts& facts) {
  events::JsonObject counts(line->raw("counts"));
  for (const auto& [kind, verdicts] : facts.counts) {
    events::JsonObject object(counts.raw(json_name(kind)));
    object.number("allowed", verdicts[0]);
    object.number("denied", verdicts[1]);
    object.number("observed", verdicts[2]);
    object.end();
  }
  counts.end();
}

void write_denials(events::JsonObject* line, const Facts& facts) {
  write_array(line, "denials", facts.denials,
              [&facts](events::JsonObject* object, const Denial& denial) {
                object->number("seq", denial.seq);
                object->bytes("time", to_rfc3339(denial.time_ns));
                object->bytes("type", denial.type);
                object->bytes("object", denial.object);
                if (denial.error == 0)
                  object->null("errno");
                else
                  object->bytes("errno", errno_name(denial.error));
                object->number("times", denial.times);
                write_rule(object, denial.rule, facts);
              });
}

void write_changes(events::JsonObject* line, const Facts& facts) {
  write_array(line, "changes", facts.changes,
              [](events::JsonObject* object, const events::FileChanged& change) {
                object->bytes("path", change.path);
                object->bytes("change", change.change);
                hex_or_null(object, "before_sha256", change.before_sha256);
                hex_or_null(object, "after_sha256", change.after_sha256);
                object->number("before_bytes", change.before_bytes);
                object->number("after_bytes", change.after_bytes);
              });
}

void write_terminals(events::JsonObject* line, const Facts& facts) {
  write_array(line, "terminals", facts.terminals,
              [](events::JsonObject* object, const TerminalFacts& each) {
                object->bytes("channel", each.channel);
                object->bytes("command", each.command);
                object->bytes("how", each.how);
                object->bytes("opened", to_rfc3339(each.opened_ns));
                if (!each.ended) return object->null("ended");
                events::JsonObject ended(object->raw("ended"));
                ended.bytes("by", each.ended->by);
                ended.number("code", each.ended->code);
                ended.end();
              });
}

void write_forwards(events::JsonObject* line, const Facts& facts) {
  write_array(line, "forwards", facts.forwards,
              [](events::JsonObject* object, const ForwardFacts& each) {
                object->bytes("address", each.address);
                object->number("port", each.port);
                object->number("times", each.times);
              });
}

void write_limits(events::JsonObject* line, const Facts& facts) {
  write_array(line, "limits", facts.limits, [](events::JsonObject* object, const LimitFacts& each) {
    object->bytes("limit", each.limit);
    object->bytes("action", each.action);
    object->number("value", each.value);
    object->number("times", each.times);
    object->bytes("first", to_rfc3339(each.first_ns));
    object->bytes("object", each.object);
  });
}

void write_orders(events::JsonObject* line, const Facts& facts) {
  write_array(line, "orders", facts.orders, [](events::JsonObject* object, const OrderFacts& each) {
    object->bytes("action", each.action);
    object->bytes("by", each.by);
    object->bytes("reason", each.reason);
    object->bytes("time", to_rfc3339(each.time_ns));
  });
}

void write_anomalies(events::JsonObject* line, const Facts& facts) {
  write_array(line, "anomalies", facts.anomalies,
              [](events::JsonObject* object, const AnomalyFacts& each) {
                object->number("seq", each.seq);
                object->bytes("time", to_rfc3339(each.time_ns));
                object->bytes("what", each.told.what);
                object->bytes("name", each.told.name);
                object->bytes("detail", each.told.detail);
              });
}

void write_credentials(events::JsonObject* line, const Facts& facts) {
  write_array(line, "credentials", facts.credentials,
              [](events::JsonObject* object, const LeaseFacts& lease) {
                object->bytes("name", lease.name);
                object->bytes("kind", lease.kind);
                object->bytes("lease", lease.lease);
                object->bytes("issued", to_rfc3339(lease.issued_ns));
                const uint64_t end = std::min(lease.not_after_s, UINT64_MAX / kNsPerSecond);
                object->bytes("not_after", to_rfc3339(end * kNsPerSecond));
                if (lease.ended_ns)
                  object->bytes("ended", to_rfc3339(*lease.ended_ns));
                else
                  object->null("ended");
              });
}

}  // namespace

std::string show_json(const protocol::SessionRow& row, const Facts& facts) {
  std::string out;
  events::JsonObject line(&out);
  write_row(&line, row);
  line.bytes("sensor", facts.open ? facts.open->sensor : "");
  write_array(&line, "assurance",
              facts.open ? facts.open->assurance : std::vector<events::AssuranceItem>{},
              [](events::JsonObject* object, const events::AssuranceItem& item) {
                object->bytes("id", item.id);
                object->boolean("given", item.given);
                object->bytes("why", item.why);
              });
  write_counts(&line, facts);
  write_denials(&line, facts);
  write_changes(&line, facts);
  write_terminals(&line, facts);
  write_forwards(&line, facts);
  write_limits(&line, facts);
  write_orders(&line, facts);
  write_anomalies(&line, facts);
  write_credentials(&line, facts);
  events::JsonObject loss(line.raw("loss"));
  for (const auto& [type, count] : facts.loss)
    loss.number(json_name(type), count);
  loss.end();
  events::JsonObject seals(line.raw("seals"));
  seals.number("count", facts.seals.count);
  seals.number("size", facts.seals.size);
  seals.bytes("root", facts.seals.root);
  seals.end();
  line.end();
  return out + "\n";
}

}  // namespace carrel::review
