// Comparison of [[network]] tables.

#include <algorithm>

#include "profiles/base/cidr.h"
#include "profiles/compare/collector.h"
#include "profiles/decide/body_limits.h"
#include "profiles/decide/git_requests.h"
#include "profiles/decide/pattern.h"
#include "profiles/model/words.h"

namespace carrel::compare {
namespace {

using decide::is_pattern_within;
using model::HttpRule;
using model::TextEntry;

bool has_method(const HttpRule& rule, std::string_view name) {
  return std::any_of(rule.methods.begin(), rule.methods.end(),
                     [name](const TextEntry& each) { return each.text == name; });
}

bool refs_within(const HttpRule& inner, const HttpRule& outer) {
  return std::all_of(inner.refs.begin(), inner.refs.end(), [&outer](const TextEntry& wanted) {
    return std::any_of(outer.refs.begin(), outer.refs.end(), [&wanted](const TextEntry& granted) {
      return is_pattern_within(wanted.text, granted.text);
    });
  });
}

/// Which requests: a push may also fetch, and is less than any GET and POST below the repository.
bool requests_within(const HttpRule& inner, const HttpRule& outer) {
  if (!outer.preset.empty()) {
    const bool same = inner.preset == outer.preset ||
                      (inner.preset == model::kGitFetch && outer.preset == model::kGitPush);
    return same && inner.repository == outer.repository && refs_within(inner, outer);
  }
  if (inner.preset.empty()) {
    return texts_beyond(inner.methods, outer.methods).empty() &&
           is_pattern_within(inner.path, outer.path);
  }
  return has_method(outer, "GET") && has_method(outer, "POST") &&
         is_pattern_within(inner.repository + "/**", outer.path) &&
         is_pattern_within(inner.repository + ".git/**", outer.path);
}

uint64_t limit_of_posts(const HttpRule& rule, bool push) {
  if (rule.preset.empty()) return decide::body_limit(rule.max_body, "POST");
  return push ? decide::push_body_limit(rule.max_body) : decide::fetch_body_limit(rule.max_body);
}

/// No body that `inner` lets pass is longer than `outer` lets it be.
bool bodies_within(const HttpRule& inner, const HttpRule& outer) {
  if (inner.preset.empty()) {
    return std::all_of(inner.methods.begin(), inner.methods.end(), [&](const TextEntry& method) {
      return decide::body_limit(inner.max_body, method.text) <=
             decide::body_limit(outer.max_body, method.text);
    });
  }
  if (limit_of_posts(inner, false) > limit_of_posts(outer, false)) return false;
  return inner.preset != model::kGitPush ||
         limit_of_posts(inner, true) <= limit_of_posts(outer, true);
}

/// Which of two tables leaves git's requests to its presets: what a plain rule lets pass hangs on
/// it.
struct Guarded {
  bool to = false;
  bool from = false;
};

/// Where `from` alone leaves git's requests to presets, no plain rule of its holds any.
bool git_within(const HttpRule& inner, const HttpRule& outer, Guarded guarded) {
  if (!guarded.from || !outer.preset.empty()) return true;
  return inner.preset.empty() && (guarded.to || !decide::may_be_git(inner));
}

bool is_rule_within(const HttpRule& inner, const HttpRule& outer, Guarded guarded) {
  if (!git_within(inner, outer, guarded)) return false;
  return bodies_within(inner, outer) && requests_within(inner, outer) &&
         (outer.upgrade || !inner.upgrade) && (outer.escaped_slash || !inner.escaped_slash) &&
         texts_beyond(inner.headers, outer.headers).empty();
}

std::string words_of(const HttpRule& rule) {
  std::string words;
  if (rule.preset.empty()) {
    for (const TextEntry& method : rule.methods)
      words += quoted(method.text) + " ";
    words += quoted(rule.path);
  } else {
    words = quoted(rule.preset) + " of " + named(rule.repository);
    if (!rule.refs.empty()) words += " at " + texts_beyond(rule.refs, {});
  }
  if (!rule.headers.empty()) words += " with " + texts_beyond(rule.headers, {});
  if (rule.escaped_slash) words += " and escaped slashes";
  return words + (rule.upgrade ? " and an upgrade" : "");
}

/// Each request that `to` lets pass is let pass by one rule of `from`. Without rules every request
/// of ordinary methods passes, but none of its headers beside the usual, no upgrade, no
/// escaped slash and no long body.
void compare_http(const model::Network& to, const model::Network& from, const std::string& rule,
                  Collector& out) {
  if (from.mode != model::NetworkMode::kInspect) return;  // no request is read there
  out.check(to.http.empty() && !from.http.empty(),
            {rule + ".http", "lets every request pass", "some requests", to.where, Way::kWider});
  const Guarded guarded{decide::has_git_preset(to), decide::has_git_preset(from)};
  const std::vector<HttpRule> granted =
      from.http.empty() ? std::vector<HttpRule>{decide::every_request()} : from.http;
  for (const HttpRule& wanted : to.http) {
    const bool within = std::any_of(granted.begin(), granted.end(), [&](const HttpRule& each) {
      return is_rule_within(wanted, each, guarded);
    });
    out.check(!within,
              {rule + ".http", "lets pass " + words_of(wanted), "", wanted.where, Way::kWider});
  }
}

void compare_addresses(const model::Network& to, const model::Network& from,
                       const std::string& rule, Collector& out) {
  for (const TextEntry& wanted : to.addresses) {
    const auto inner = Cidr::parse(wanted.text);
    const bool within =
        inner.ok() && std::any_of(from.addresses.begin(), from.addresses.end(),
                                  [&inner](const TextEntry& granted) {
                                    const auto outer = Cidr::parse(granted.text);
                                    return outer.ok() && outer.value().holds(inner.value());
                                  });
    out.check(!within,
              {rule + ".addresses",
               "reaches " + named(to.host) + " in the private network " + named(wanted.text), "",
               wanted.where, Way::kWider});
  }
}

void compare_budget(std::optional<uint64_t> to, std::optional<uint64_t> from, Gain gain,
                    Collector& out) {
  const bool looser = from && (!to || *to > *from);
  gain.words += to ? model::to_size_text(*to) : "without bound";
  gain.instead = from ? model::to_size_text(*from) : "";
  out.check(looser, std::move(gain));
}

void compare_network(const model::Network& to, const model::Network& from, Collector& out) {
  const std::string rule = "network." + to.host;
  for (const uint16_t port : to.ports) {
    const bool granted = std::binary_search(from.ports.begin(), from.ports.end(), port);
    out.check(!granted,
              {rule + ".ports", "reaches port " + std::to_string(port) + " of " + named(to.host),
               "", to.where, Way::kWider});
  }
  compare_addresses(to, from, rule, out);
  out.check(
      to.mode != from.mode && !(to.mode == model::NetworkMode::kInspect &&
                                from.mode == model::NetworkMode::kPassthrough),
      {rule + ".mode",
       "reaches " + named(to.host) + " by " +
           std::string(model::word_of(model::kNetworkModeWords, to.mode)),
       std::string(model::word_of(model::kNetworkModeWords, from.mode)), to.where, Way::kOther});
  compare_http(to, from, rule, out);
  out.check(
      !to.credential.empty() && to.credential != from.credential,
      {rule + ".credential", "uses credential " + named(to.credential) + " at " + named(to.host),
       from.credential.empty() ? "" : named(from.credential), to.where, Way::kWider});
  compare_budget(to.budget.up, from.budget.up,
                 {rule + ".budget", "sends to " + named(to.host) + " ", "", to.where, Way::kWider},
                 out);
  compare_budget(
      to.budget.down, from.budget.down,
      {rule + ".budget", "takes from " + named(to.host) + " ", "", to.where, Way::kWider}, out);
}

}  // namespace

void compare_networks(const model::Profile& to, const model::Profile& from, Collector& out) {
  const auto host = [](const model::Network& network) -> const std::string& {
    return network.host;
  };
  for (const model::Network& network : to.networks) {
    if (const model::Network* granted = find_by(from.networks, network.host, host)) {
      compare_network(network, *granted, out);
    } else if (out.said("network")) {
      out.add({"network." + network.host, "reaches " + named(network.host), "", network.where,
               Way::kWider});
    }
  }
}

}  // namespace carrel::compare
