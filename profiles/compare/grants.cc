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

}  // namespace

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
    const auto alg = [](const model::Credential& one) {
      return std::string(model::word_of(model::kTokenAlgWords, one.alg));
    };
    const auto injected = [](const model::Credential& one) {
      return quoted(one.inject) + (one.user.empty() ? "" : " of " + named(one.user));
    };
    out.check(credential.kind != granted->kind, {rule + ".kind", "gets it as " + kind(credential),
                                                 kind(*granted), credential.where, Way::kOther});
    out.check(credential.audience != granted->audience,
              {rule + ".audience", "gets it for " + named(credential.audience),
               named(granted->audience), credential.where, Way::kOther});
    out.check(credential.alg != granted->alg, {rule + ".alg", "is signed with " + alg(credential),
                                               alg(*granted), credential.where, Way::kOther});
    out.check(credential.from != granted->from,
              {rule + ".from", "gets it from " + named(credential.from), named(granted->from),
               credential.where, Way::kOther});
    out.check(credential.inject != granted->inject || credential.user != granted->user,
              {rule + ".inject", "is put in as " + injected(credential), injected(*granted),
               credential.where, Way::kOther});
    out.check(credential.ttl_s > granted->ttl_s,
              {rule + ".ttl", "is valid for " + model::to_duration_text(credential.ttl_s),
               model::to_duration_text(granted->ttl_s), credential.where, Way::kWider});
    out.check(credential.issue == model::CredentialIssue::kStart &&
                  granted->issue == model::CredentialIssue::kRequest,
              {rule + ".issue", "gets it from the start", "when a request is granted",
               credential.where, Way::kWider});
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
