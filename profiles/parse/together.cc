// Checks that need more than one value: contradictions, repetitions and totals.

#include <algorithm>
#include <map>

#include "profiles/base/text.h"
#include "profiles/model/words.h"
#include "profiles/parse/checks.h"
#include "profiles/parse/parse.h"

namespace carrel::parse {
namespace {

using model::PathEntry;
using model::Repository;
using model::SourceLine;

enum class EntryKind { kRead, kWrite, kNever };

struct Placed {
  const PathEntry* entry = nullptr;
  EntryKind kind = EntryKind::kRead;
};

std::string_view key_of(EntryKind kind) {
  if (kind == EntryKind::kRead) return "read";
  return kind == EntryKind::kWrite ? "write" : "never";
}

std::string shown(const Placed& placed) {
  return std::string(key_of(placed.kind)) + " entry \"" + quoted(placed.entry->path.text()) + "\"";
}

std::string at_line(const Placed& placed) {
  const int line = placed.entry->where.line;
  return line > 0 ? " (line " + std::to_string(line) + ")" : "";
}

/// What is wrong with an entry that lies at or below another of its repository; "" when it is fine.
std::string complaint_about(const Placed& lower, const Placed& upper) {
  const bool same = lower.entry->path == upper.entry->path;
  const std::string start =
      shown(lower) + (same ? " is also the " : " lies below the ") + shown(upper) + at_line(upper);
  if (lower.kind == upper.kind) {
    return start + (same ? "; remove one of the two" : ", which covers it; remove it");
  }
  if (upper.kind == EntryKind::kNever || (same && lower.kind == EntryKind::kNever)) {
    return start + ": a never entry hides it and all below; remove one of the two";
  }
  if (lower.kind == EntryKind::kNever) return "";
  if (same) return start + ": write implies read; remove it from read";
  const bool writable_below = lower.kind == EntryKind::kWrite;
  return start + ": a " + (writable_below ? "writable" : "read-only") + " entry below a " +
         (writable_below ? "read-only" : "writable") +
         " one is not supported yet; name folders beside each other instead";
}

std::vector<Placed> placed_entries(const Repository& repository) {
  std::vector<Placed> all;
  for (const PathEntry& entry : repository.read)
    all.push_back({&entry, EntryKind::kRead});
  for (const PathEntry& entry : repository.write)
    all.push_back({&entry, EntryKind::kWrite});
  for (const PathEntry& entry : repository.never)
    all.push_back({&entry, EntryKind::kNever});
  std::stable_sort(all.begin(), all.end(),
                   [](const Placed& a, const Placed& b) { return a.entry->path < b.entry->path; });
  return all;
}

/// Sorted by components, everything below a path follows it at once: a stack of open paths finds
/// each pair of neighbours in one pass.
void check_entries(const Repository& repository, Problems& problems) {
  std::vector<Placed> open;
  for (const Placed& placed : placed_entries(repository)) {
    while (!open.empty() && !placed.entry->path.is_at_or_below(open.back().entry->path)) {
      open.pop_back();
    }
    for (auto upper = open.rbegin(); upper != open.rend(); ++upper) {
      const std::string complaint = complaint_about(placed, *upper);
      if (complaint.empty()) continue;
      problems.add(placed.entry->where, complaint);
      break;
    }
    if (problems.full()) return;
    open.push_back(placed);
  }
}

template <typename List, typename Key>
void check_keys_once(const List& list, std::string_view table, Key key, Problems& problems) {
  std::map<std::string, SourceLine> seen;
  for (const auto& item : list) {
    const std::string text = key(item);
    if (text.empty()) continue;  // said already
    const auto [first, is_new] = seen.emplace(text, item.where);
    if (is_new) continue;
    problems.add(item.where, "[[" + std::string(table) + "]] \"" + quoted(text) +
                                 "\" stands there twice; give each a name of its own");
  }
  if (list.size() > kMaxTables) {
    problems.add(list[kMaxTables].where, "more than " + std::to_string(kMaxTables) + " [[" +
                                             std::string(table) + "]] tables; split the task");
  }
}

/// Whether the gateway can put a credential of this kind into traffic that it handles like this.
bool is_put_in(model::CredentialKind kind, model::NetworkMode mode) {
  const bool ssh = mode == model::NetworkMode::kSsh;
  return kind == (ssh ? model::CredentialKind::kSshCertificate : model::CredentialKind::kHeader) ||
         (!ssh && kind == model::CredentialKind::kX509);
}

/// What comes through a websocket is not searched for the secret that opened it.
void check_upgrades(const model::Network& network, const model::Credential& credential,
                    Problems& problems) {
  if (credential.kind != model::CredentialKind::kHeader) return;
  for (const model::HttpRule& rule : network.http) {
    if (!rule.upgrade) continue;
    problems.add(rule.where, "network.http.upgrade = true beside network.credential \"" +
                                 quoted(network.credential) +
                                 "\" is not supported yet: a websocket is not searched for the "
                                 "credential that opens it; take upgrade or the credential out");
  }
}

void check_named_credentials(const model::Profile& profile, Problems& problems) {
  for (const model::Network& network : profile.networks) {
    if (network.credential.empty()) continue;
    const auto found =
        std::find_if(profile.credentials.begin(), profile.credentials.end(),
                     [&](const auto& one) { return one.name == network.credential; });
    const std::string start = "network.credential \"" + quoted(network.credential) + "\" is ";
    if (found == profile.credentials.end()) {
      problems.add(network.where,
                   start + "no [[credential]] of this profile; add one or leave it out");
    } else if (!is_put_in(found->kind, network.mode)) {
      problems.add(
          network.where,
          start + "a \"" + std::string(model::word_of(model::kCredentialKindWords, found->kind)) +
              "\", which the gateway cannot put in here; write a credential of kind \"" +
              (network.mode == model::NetworkMode::kSsh ? "ssh-certificate" : "header") + "\"");
    } else {
      check_upgrades(network, *found, problems);
    }
  }
}

void check_total(const model::Profile& profile, Problems& problems) {
  size_t entries = 0;
  for (const Repository& repository : profile.repositories) {
    entries += repository.read.size() + repository.write.size() + repository.never.size();
    if (entries <= kMaxEntries) continue;
    problems.add(repository.where, "more than " + std::to_string(kMaxEntries) +
                                       " path entries in all; name folders instead of files");
    return;
  }
}

}  // namespace

void check_together(const model::Profile& profile, bool part, Problems& problems) {
  const auto name = [](const auto& item) { return item.name; };
  check_keys_once(profile.repositories, "repository", name, problems);
  check_keys_once(profile.credentials, "credential", name, problems);
  check_keys_once(profile.interfaces, "interface", name, problems);
  check_keys_once(
      profile.networks, "network", [](const auto& item) { return item.host; }, problems);
  check_keys_once(
      profile.forwards, "forward",
      [](const auto& item) { return item.port == 0 ? "" : std::to_string(item.port); }, problems);
  check_keys_once(
      profile.widened, "widen", [](const auto& item) { return item.of; }, problems);
  check_total(profile, problems);
  for (const Repository& repository : profile.repositories)
    check_entries(repository, problems);
  if (!part) check_named_credentials(profile, problems);
}

}  // namespace carrel::parse
