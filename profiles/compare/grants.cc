// Comparison of the tables that grant something by name.

#include <algorithm>

#include "profiles/compare/collector.h"
#include "profiles/model/words.h"

namespace carrel::compare {
namespace {

using model::PathEntry;
using model::Repository;
using model::SourceLine;

const auto kName = [](const auto& item) -> const std::string& { return item.name; };

/// The entry at or above the path, or null.
const PathEntry* covering(const std::vector<PathEntry>& entries, const RelPath& path) {
  for (const PathEntry& entry : entries) {
    if (path.is_at_or_below(entry.path)) return &entry;
  }
  return nullptr;
}

std::string of_repository(std::string_view verb, const PathEntry& entry,
                          const Repository& repository) {
  return std::string(verb) + " " + named(entry.path.text()) + " of repository " +
         named(repository.name);
}

/// A `never` of `from` that `to` exposes, as a whole or in part.
void compare_nevers(const Repository& to, const Repository& from, Collector& out) {
  for (const PathEntry& hidden : from.never) {
    if (covering(to.never, hidden.path) != nullptr) continue;
    for (const std::vector<PathEntry>* entries : {&to.read, &to.write}) {
      for (const PathEntry& entry : *entries) {
        const bool meets =
            entry.path.is_at_or_below(hidden.path) || hidden.path.is_at_or_below(entry.path);
        if (!meets) continue;
        out.add({"repository." + to.name + ".never." + hidden.path.text(),
                 of_repository("exposes", hidden, to), "never", entry.where, Way::kWider});
        break;
      }
    }
  }
}

void compare_entries(const Repository& to, const Repository& from, Collector& out) {
  const std::string rule = "repository." + to.name;
  compare_nevers(to, from, out);
  if (!out.said(rule + ".read") && !out.said(rule + ".write")) return;
  for (const PathEntry& entry : to.read) {
    if (covering(from.read, entry.path) != nullptr || covering(from.write, entry.path) != nullptr)
      continue;
    out.add({rule, of_repository("reads", entry, to), "", entry.where, Way::kWider});
  }
  for (const PathEntry& entry : to.write) {
    if (covering(from.write, entry.path) != nullptr) continue;
    const PathEntry* readable = covering(from.read, entry.path);
    out.add({readable == nullptr ? rule : rule + ".read." + readable->path.text(),
             of_repository("writes", entry, to), readable == nullptr ? "" : "read only",
             entry.where, Way::kWider});
  }
}

void compare_submit(const Repository& to, const Repository& from, Collector& out) {
  if (!to.submit) return;
  const std::string rule = "repository." + to.name + ".submit";
  const model::Submit& wanted = *to.submit;
  if (!from.submit) {
    out.check(true,
              {rule, "hands work in at " + named(wanted.refs), "", wanted.where, Way::kWider});
    return;
  }
  const model::Submit& granted = *from.submit;
  out.check(wanted.refs != granted.refs, {rule, "hands work in at " + named(wanted.refs),
                                          named(granted.refs), wanted.where, Way::kOther});
  const std::string more = texts_beyond(wanted.reviewers, granted.reviewers);
  out.check(!granted.reviewers.empty() && (wanted.reviewers.empty() || !more.empty()),
            {rule, "lets others review: " + (more.empty() ? "anybody" : more), "", wanted.where,
             Way::kWider});
  out.check(granted.two_person && !wanted.two_person,
            {rule, "needs one reviewer", "two", wanted.where, Way::kWider});
}

void compare_repository(const Repository& to, const Repository& from, Collector& out) {
  const std::string rule = "repository." + to.name;
  out.check(to.source != from.source, {rule + ".source", "takes it from " + named(to.source),
                                       named(from.source), to.where, Way::kOther});
  out.check(to.ref != from.ref, {rule + ".ref", "takes its state " + named(to.ref), named(from.ref),
                                 to.where, Way::kOther});
  // `none` shows least; neither of the others contains the other.
  out.check(to.history != from.history && to.history != model::History::kNone,
            {rule + ".history",
             "has its history: " + std::string(model::word_of(model::kHistoryWords, to.history)),
             std::string(model::word_of(model::kHistoryWords, from.history)), to.where,
             from.history == model::History::kNone ? Way::kWider : Way::kOther});
  out.check(to.enforce == model::Enforce::kGate && from.enforce == model::Enforce::kBind,
            {rule + ".enforce", "lets its read entries be changed in the workspace", "bind",
             to.enforce_line.line == 0 ? to.where : to.enforce_line, Way::kWider});
  compare_entries(to, from, out);
  compare_submit(to, from, out);
}

bool methods_within(const model::HttpRule& inner, const model::HttpRule& outer) {
  return texts_beyond(inner.methods, outer.methods).empty();
}

/// Each request that `to` lets pass is let pass by one rule of `from`.
bool is_http_within(const model::HttpRule& inner, const std::vector<model::HttpRule>& outer) {
  return std::any_of(outer.begin(), outer.end(), [&](const model::HttpRule& rule) {
    const bool body = !rule.max_body || (inner.max_body && *inner.max_body <= *rule.max_body);
    return body && methods_within(inner, rule) && http_path_within(inner.path, rule.path);
  });
}

void compare_http(const model::Network& to, const model::Network& from, const std::string& rule,
                  Collector& out) {
  if (from.http.empty()) return;
  out.check(to.http.empty(),
            {rule + ".http", "lets every request pass", "some requests", to.where, Way::kWider});
  for (const model::HttpRule& wanted : to.http) {
    std::string methods;
    for (const model::TextEntry& method : wanted.methods)
      methods += quoted(method.text) + " ";
    out.check(!is_http_within(wanted, from.http),
              {rule + ".http", "lets pass " + methods + quoted(wanted.path), "", wanted.where,
               Way::kWider});
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

bool http_path_within(std::string_view inner, std::string_view outer) {
  while (true) {
    const size_t inner_slash = inner.find('/', 1);
    const size_t outer_slash = outer.find('/', 1);
    const std::string_view a = inner.substr(0, inner_slash);
    const std::string_view b = outer.substr(0, outer_slash);
    if (b == "/**") return true;
    if (a == "/**") return false;
    if (a != b && (b != "/*" || a == "/")) return false;
    const bool inner_ends = inner_slash == std::string_view::npos;
    const bool outer_ends = outer_slash == std::string_view::npos;
    if (inner_ends || outer_ends) return inner_ends && outer_ends;
    inner.remove_prefix(inner_slash);
    outer.remove_prefix(outer_slash);
  }
}

void compare_repositories(const model::Profile& to, const model::Profile& from, Collector& out) {
  for (const Repository& repository : to.repositories) {
    if (const Repository* granted = find_by(from.repositories, repository.name, kName)) {
      compare_repository(repository, *granted, out);
    } else if (out.said("repository")) {
      out.add({"repository." + repository.name, "has repository " + named(repository.name), "",
               repository.where, Way::kWider});
    }
  }
}

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

void compare_credentials(const model::Profile& to, const model::Profile& from, Collector& out) {
  for (const model::Credential& credential : to.credentials) {
    const model::Credential* granted = find_by(from.credentials, credential.name, kName);
    const std::string rule = "credential." + credential.name;
    if (granted == nullptr) {
      if (out.said("credential")) {
        out.add(
            {rule, "gets credential " + named(credential.name), "", credential.where, Way::kWider});
      }
      continue;
    }
    const auto kind = [](const model::Credential& one) {
      return std::string(model::word_of(model::kCredentialKindWords, one.kind));
    };
    out.check(credential.kind != granted->kind, {rule + ".kind", "gets it as " + kind(credential),
                                                 kind(*granted), credential.where, Way::kOther});
    out.check(credential.audience != granted->audience,
              {rule + ".audience", "gets it for " + named(credential.audience),
               named(granted->audience), credential.where, Way::kOther});
    out.check(credential.from != granted->from,
              {rule + ".from", "gets it from " + named(credential.from), named(granted->from),
               credential.where, Way::kOther});
    out.check(credential.ttl_s > granted->ttl_s,
              {rule + ".ttl", "is valid for " + model::to_duration_text(credential.ttl_s),
               model::to_duration_text(granted->ttl_s), credential.where, Way::kWider});
  }
}

void compare_interfaces(const model::Profile& to, const model::Profile& from, Collector& out) {
  for (const model::Interface& interface : to.interfaces) {
    const model::Interface* granted = find_by(from.interfaces, interface.name, kName);
    const bool same =
        granted != nullptr && granted->kind == interface.kind && granted->path == interface.path;
    if (same || !out.said("interface")) continue;
    out.add({"interface." + interface.name,
             "shows " + named(interface.path) + " for interface " + named(interface.name),
             granted == nullptr ? "" : named(granted->path), interface.where,
             granted == nullptr ? Way::kWider : Way::kOther});
  }
}

void compare_forwards(const model::Profile& to, const model::Profile& from, Collector& out) {
  const auto port = [](const model::Forward& forward) { return forward.port; };
  for (const model::Forward& forward : to.forwards) {
    if (find_by(from.forwards, forward.port, port) != nullptr || !out.said("forward")) continue;
    out.add({"forward." + std::to_string(forward.port),
             "lets channels reach port " + std::to_string(forward.port), "", forward.where,
             Way::kWider});
  }
}

}  // namespace carrel::compare
