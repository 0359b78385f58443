#include "broker/service/secrets/config.h"

#include <algorithm>
#include <array>
#include <string>

#include "broker/service/secrets/store_config.h"
#include "profiles/base/text.h"
#include "profiles/parse/problems.h"
#include "profiles/parse/toml_tree.h"

namespace carrel::secrets {
namespace {

using parse::Problems;
using parse::Value;

constexpr std::string_view kFileName = "secrets.toml";
constexpr std::array<std::string_view, 3> kSourceWords = {"files", "systemd", "store"};
constexpr std::array<std::string_view, 2> kKeys = {"sources", "store"};

void read_source(const Value& item, Config& config, Problems& problems) {
  const auto found = std::find(kSourceWords.begin(), kSourceWords.end(), item.text);
  if (item.kind != Value::Kind::kString || found == kSourceWords.end()) {
    return problems.add(item.where,
                        "sources holds what is no source; write \"files\", \"systemd\", \"store\"");
  }
  const auto source = static_cast<Source>(found - kSourceWords.begin());
  if (std::find(config.sources.begin(), config.sources.end(), source) != config.sources.end()) {
    return problems.add(item.where, "sources names \"" + item.text + "\" twice");
  }
  config.sources.push_back(source);
}

void read_sources(const Value& list, Config& config, Problems& problems) {
  if (list.kind != Value::Kind::kList || list.items.empty()) {
    return problems.add(list.where, "sources is no list; write sources = [\"files\", \"systemd\"]");
  }
  config.sources.clear();
  for (const Value& item : list.items)
    read_source(item, config, problems);
}

void refuse_key(const parse::Member& member, Problems& problems) {
  const std::string near = nearest(member.key, kKeys.data(), kKeys.size());
  problems.add(member.where, "unknown key \"" + quoted(member.key) + "\"" +
                                 (near.empty() ? "" : "; did you mean \"" + near + "\"?"));
}

/// A store that nobody asks, or none where one is asked, is a mistake.
void join_store(const Value& root, Config& config, Problems& problems) {
  const parse::Member* sources = root.find("sources");
  const parse::Member* store = root.find("store");
  if (sources == nullptr) {
    if (store != nullptr) config.sources.push_back(Source::kStore);
    return;
  }
  const bool asked = std::find(config.sources.begin(), config.sources.end(), Source::kStore) !=
                     config.sources.end();
  if (asked && store == nullptr) {
    problems.add(sources->value.where, "sources names \"store\", but there is no [store.http]");
  } else if (!asked && store != nullptr) {
    problems.add(store->where, "[store.http] is there, but sources does not name \"store\"");
  }
}

}  // namespace

Result<Config> parse_config(std::string_view text) {
  Problems problems;
  Value root;
  if (!parse::read_toml(text, 0, root, problems)) return problems.to_error(kFileName);
  Config config;
  for (const parse::Member& member : root.members) {
    if (member.key == "sources") {
      read_sources(member.value, config, problems);
    } else if (member.key == "store") {
      config.store = read_store(member, problems);
    } else {
      refuse_key(member, problems);
    }
  }
  join_store(root, config, problems);
  if (!problems.empty()) return problems.to_error(kFileName);
  return config;
}

}  // namespace carrel::secrets
