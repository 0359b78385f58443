#include "launcher/gateway/http/policy.h"

#include <algorithm>
#include <array>
#include <utility>

#include "launcher/gateway/http/headers.h"
#include "launcher/gateway/http/text.h"
#include "profiles/decide/body_limits.h"
#include "profiles/decide/git_requests.h"
#include "profiles/decide/pattern.h"
#include "profiles/model/words.h"

namespace carrel::gateway::http {
namespace {

constexpr std::array<std::string_view, 3> kReading = {"GET", "HEAD", "OPTIONS"};

template <typename List>
bool has(const List& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::vector<std::string> texts_of(const std::vector<model::TextEntry>& entries) {
  std::vector<std::string> texts;
  texts.reserve(entries.size());
  for (const model::TextEntry& entry : entries)
    texts.push_back(entry.text);
  return texts;
}

uint64_t body_bound(const RuleView& rule, std::string_view method, GitStep step) {
  if (step == GitStep::kPush) return decide::push_body_limit(rule.max_body);
  if (step == GitStep::kFetch) return decide::fetch_body_limit(rule.max_body);
  if (step != GitStep::kNone) return 0;
  return decide::body_limit(rule.max_body, method);
}

bool only_reads(const RuleView& rule) {
  return rule.preset.empty() && std::all_of(rule.methods.begin(), rule.methods.end(),
                                            [](const auto& m) { return has(kReading, m); });
}

/// What the rules said so far to one request.
struct Search {
  bool presets_only = false;     // one of git's requests, to a host that has presets for them
  bool left_to_presets = false;  // a plain rule has its path
  std::optional<Allowed> best;
  std::optional<Denied> nearest;  // of the first rule that failed by a bound only
  bool path_matched = false;
};

void keep_nearest(Search& search, Refusal refusal, const RulePlace& place) {
  if (!search.nearest) search.nearest = Denied{std::move(refusal), place};
}

/// The rule grants methods and path: what is left are its bounds.
void weigh(const RuleView& rule, const RulePlace& place, const RequestHead& head, GitStep step,
           Search& search) {
  Allowed found;
  found.rule = place;
  found.git = step;
  found.max_body = body_bound(rule, head.method, found.git);
  found.upgrade = rule.upgrade && asks_websocket(head);
  if (head.body.framing == Framing::kLength && head.body.length > found.max_body) {
    keep_nearest(search,
                 {413, "body-too-large",
                  "the rule lets pass bodies of at most " + std::to_string(found.max_body) +
                      " bytes with " + head.method},
                 place);
    return;
  }
  if (head.body.framing == Framing::kChunked && found.max_body == 0) {
    keep_nearest(search, {413, "body-too-large", "the rule lets no body pass with " + head.method},
                 place);
    return;
  }
  const bool better = !search.best || (head.body.framing == Framing::kChunked &&
                                       found.max_body > search.best->max_body);
  if (better) search.best = found;
}

void weigh_preset(const RuleView& rule, const RulePlace& place, const RequestHead& head,
                  const Target& target, Search& search) {
  const GitStep step = git_step(rule.repository, head.method, target);
  if (step == GitStep::kNone) return;
  search.path_matched = true;
  if (auto refusal = check_git(rule.preset, step, head)) {
    keep_nearest(search, std::move(*refusal), place);
    return;
  }
  weigh(rule, place, head, step, search);
}

void weigh_rule(const RuleView& rule, const RulePlace& place, const RequestHead& head,
                const Target& target, Search& search) {
  if (!rule.preset.empty()) return weigh_preset(rule, place, head, target, search);
  if (!decide::matches_path(rule.path, target.path)) return;
  if (search.presets_only) {
    search.left_to_presets = true;
    return;
  }
  search.path_matched = true;
  if (!has(rule.methods, head.method)) return;
  if (!rule.escaped_slash && has_escaped_slash(target.path)) {
    keep_nearest(search,
                 {400, "path-escaped-slash", "the rule lets no escaped slash pass in a path"},
                 place);
    return;
  }
  if (only_reads(rule) && target.text().size() > kMaxReadTarget) {
    keep_nearest(search, {414, "long-target", "a rule that only reads takes targets of 2048 bytes"},
                 place);
    return;
  }
  weigh(rule, place, head, GitStep::kNone, search);
}

bool has_preset(const NetworkView& network) {
  return std::any_of(network.rules.begin(), network.rules.end(),
                     [](const RuleView& rule) { return !rule.preset.empty(); });
}

/// What the grant of every request makes of one that the rules let not pass whole.
std::optional<Allowed> by_grant(const RequestHead& head, const Target& target,
                                const RulePlace& whole, const Search& rules) {
  Search granted;
  weigh_rule(view_of(decide::granted_request()), whole, head, target, granted);
  if (!granted.best) return std::nullopt;
  Allowed found = *granted.best;
  found.by_grant = true;
  if (rules.nearest) found.rule = rules.nearest->rule;
  return found;
}

/// A body of a length that nobody has said may turn out to be longer than its rule says. A fetch's
/// is none that grows: it is held whole until it is judged.
Allowed lengthened(Allowed allowed, const RequestHead& head) {
  if (head.body.framing != Framing::kChunked || allowed.git == GitStep::kFetch) return allowed;
  if (allowed.max_body >= decide::kMostBody) return allowed;
  allowed.by_grant_after = std::exchange(allowed.max_body, decide::kMostBody);
  return allowed;
}

Denied no_rule(const NetworkView& network, const RequestHead& head, const Search& search) {
  const RulePlace whole{std::nullopt, network.where};
  if (search.left_to_presets)
    return {{403, "git-request", "git's requests to this host pass by its git presets alone"},
            whole};
  if (search.path_matched)
    return {{403, "method", "no rule lets " + head.method + " pass to this path"}, whole};
  return {{403, "no-rule", "no rule of this host lets the path of the request pass"}, whole};
}

}  // namespace

RuleView view_of(const model::HttpRule& rule) {
  RuleView view;
  view.methods = texts_of(rule.methods);
  view.path = rule.path;
  view.max_body = rule.max_body;
  view.preset = rule.preset;
  view.repository = rule.repository;
  view.refs = texts_of(rule.refs);
  view.headers = texts_of(rule.headers);
  view.upgrade = rule.upgrade;
  view.escaped_slash = rule.escaped_slash;
  view.where = rule.where;
  return view;
}

NetworkView view_of(const model::Network& network) {
  NetworkView view;
  for (const model::HttpRule& rule : network.http)
    view.rules.push_back(view_of(rule));
  view.where = network.where;
  return view;
}

EscapedSlash escaped_slash_of(const NetworkView& network) {
  const bool kept =
      network.every || std::any_of(network.rules.begin(), network.rules.end(),
                                   [](const RuleView& rule) { return rule.escaped_slash; });
  return kept ? EscapedSlash::kKept : EscapedSlash::kRefused;
}

std::variant<Denied, Allowed> decide(const NetworkView& network, const RequestHead& head,
                                     const Target& target) {
  const RulePlace whole{std::nullopt, network.where};
  if (speaks_dns(head.headers))
    return Denied{{403, "dns-over-https", "names are not resolved through a host of the rules"},
                  whole};
  Search search;
  search.presets_only =
      has_preset(network) && decide::is_git_request(target.path, target.has_query);
  if (network.rules.empty()) {
    weigh_rule(view_of(decide::every_request()), whole, head, target, search);
  }
  for (size_t i = 0; i < network.rules.size(); ++i)
    weigh_rule(network.rules[i], {i, network.rules[i].where}, head, target, search);
  if (network.every && search.best) return lengthened(*search.best, head);
  if (network.every) {
    if (auto granted = by_grant(head, target, whole, search)) return *granted;
  }
  if (search.best) return *search.best;
  if (search.nearest) return *search.nearest;
  return no_rule(network, head, search);
}

bool only_reads(const model::Network& network) {
  if (network.mode != model::NetworkMode::kInspect || network.http.empty()) return false;
  return std::all_of(network.http.begin(), network.http.end(), [](const model::HttpRule& rule) {
    if (rule.preset == model::kGitFetch) return true;
    return only_reads(view_of(rule)) && rule.max_body.value_or(0) == 0 && !rule.upgrade;
  });
}

}  // namespace carrel::gateway::http
