// [[network]] tables: hosts, and what of HTTP may pass to them.

#include "profiles/model/words.h"
#include "profiles/parse/parse.h"
#include "profiles/parse/tables.h"

namespace carrel::parse {
namespace {

using model::NetworkMode;

void read_request(const TableReader& reader, const Reading& reading, model::HttpRule& rule) {
  rule.methods = reader.texts("methods", check_method);
  if (!reader.has("methods") && !reading.part) {
    reader.complain("methods",
                    "is missing; add methods = [\"GET\", \"HEAD\"], or preset = \"git-fetch\"");
  }
  rule.path = reader.text("path", check_http_path, Need::kOptional, rule.path);
  for (const std::string_view key : {"repository", "refs"}) {
    if (reader.has(key)) reader.complain(key, "goes with a preset; add preset = \"git-fetch\"");
  }
}

void read_preset(const TableReader& reader, const Reading& reading, model::HttpRule& rule) {
  rule.path.clear();
  for (const std::string_view key : {"methods", "path", "upgrade", "escaped_slash"}) {
    if (reader.has(key)) reader.complain(key, "is fixed by the preset; take it out");
  }
  rule.repository = reader.text("repository", check_git_path, Need::kRequired);
  rule.refs = reader.texts("refs", check_ref_pattern);
  const bool push = rule.preset == model::kGitPush;
  if (push && !reader.has("refs") && !reading.part) {
    reader.complain("refs", "is missing; add refs = [\"refs/heads/contrib/*\"]");
  } else if (!push && reader.has("refs")) {
    reader.complain("refs", "is for a git-push; a fetch changes none");
  }
}

model::HttpRule read_http_rule(const Value& table, const Reading& reading) {
  const TableReader reader(table, "network.http", reading);
  reader.refuse_other_keys();
  model::HttpRule rule;
  rule.where = table.where;
  rule.preset = reader.text("preset", check_preset, Need::kOptional);
  if (rule.preset.empty()) {
    read_request(reader, reading, rule);
    rule.upgrade = reader.boolean("upgrade");
    rule.escaped_slash = reader.boolean("escaped_slash");
  } else {
    read_preset(reader, reading, rule);
  }
  rule.max_body = reader.size("max_body", {0, kMaxTransferBytes});
  rule.headers = reader.texts("headers", check_header);
  return rule;
}

model::Budget read_budget(const TableReader& network, const Reading& reading) {
  model::Budget budget;
  const Value* table = network.table("budget", Need::kOptional);
  if (table == nullptr) return budget;
  const TableReader amounts(*table, "network.budget", reading);
  amounts.refuse_other_keys();
  budget.up = amounts.size("up", {0, kMaxTransferBytes});
  budget.down = amounts.size("down", {0, kMaxTransferBytes});
  return budget;
}

std::optional<model::Waiver> read_waiver(const TableReader& network, const Reading& reading) {
  const Value* table = network.table("waiver", Need::kOptional);
  if (table == nullptr) return std::nullopt;
  const TableReader reader(*table, "network.waiver", reading);
  reader.refuse_other_keys();
  model::Waiver waiver;
  waiver.where = network.where("waiver");
  waiver.by = reader.text("by", check_name, Need::kRequired);
  waiver.reason = reader.text("reason", check_reason, Need::kRequired);
  return waiver;
}

}  // namespace

model::Network read_network(const Value& table, const Reading& reading) {
  const TableReader reader(table, "network", reading);
  reader.refuse_other_keys();
  model::Network network;
  network.where = table.where;
  network.host = reader.text("host", check_host, Need::kRequired);
  for (const uint64_t port : reader.integers("ports", {1, 65535}, Need::kRequired))
    network.ports.push_back(static_cast<uint16_t>(port));
  network.addresses = reader.texts("addresses", check_addresses);
  network.mode = reader.word("mode", model::kNetworkModeWords, network.mode);
  for (const Value* rule : reader.tables("http"))
    network.http.push_back(read_http_rule(*rule, reading));
  if (!network.http.empty() && network.mode != NetworkMode::kInspect) {
    reader.complain("http", "only holds where mode is \"inspect\": other traffic is not read");
  }
  if (network.http.size() > kMaxTexts) reader.complain("http", "has too many rules");
  network.credential = reader.text("credential", check_name, Need::kOptional);
  if (!network.credential.empty() && network.mode != NetworkMode::kInspect &&
      network.mode != NetworkMode::kSsh) {
    reader.complain("credential", "can only be put in where mode is \"inspect\" or \"ssh\"");
  }
  network.budget = read_budget(reader, reading);
  network.waiver = read_waiver(reader, reading);
  return network;
}

}  // namespace carrel::parse
