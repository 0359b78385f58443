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

template <typename List>
void check_names_once(const List& list, std::string_view table, Problems& problems) {
  std::map<std::string, SourceLine> seen;
  for (const auto& item : list) {
    if (item.name.empty()) continue;  // said already
    const auto [first, is_new] = seen.emplace(item.name, item.where);
    if (is_new) continue;
    problems.add(item.where, "[[" + std::string(table) + "]] \"" + quoted(item.name) +
                                 "\" stands there twice; give each a name of its own");
  }
  if (list.size() > kMaxTables) {
    problems.add(list[kMaxTables].where, "more than " + std::to_string(kMaxTables) + " [[" +
                                             std::string(table) + "]] tables; split the task");
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

/// Runs the checks of single values for a profile that no TOML reader has looked at.
class ValueChecker {
 public:
  explicit ValueChecker(Problems& problems) : problems_(problems) {}

  void text(std::string_view key, std::string_view value, TextCheck check) {
    if (auto complaint = check(value)) problems_.add({}, std::string(key) + " " + *complaint);
  }
  void range(std::string_view key, uint64_t value, uint64_t low, uint64_t high) {
    if (value < low || value > high) problems_.add({}, std::string(key) + " is out of range");
  }
  void paths(const std::vector<PathEntry>& entries) {
    for (const PathEntry& entry : entries)
      text("path", entry.path.text(), check_path);
  }

 private:
  Problems& problems_;
};

}  // namespace

void check_together(const model::Profile& profile, Problems& problems) {
  check_names_once(profile.repositories, "repository", problems);
  check_names_once(profile.credentials, "credential", problems);
  check_total(profile, problems);
  for (const Repository& repository : profile.repositories)
    check_entries(repository, problems);
}

void check_all(const model::Profile& profile, Problems& problems) {
  ValueChecker values(problems);
  values.text("profile", profile.name, check_name);
  values.range("version", profile.version, 1, kMaxVersion);
  values.text("summary", profile.summary, check_summary);
  values.text("purpose.statement", profile.purpose.statement, check_statement);
  values.range("session.max_duration", profile.session.max_duration_s, 0, kMaxDurationSeconds);
  for (const Repository& repository : profile.repositories) {
    values.text("repository.name", repository.name, check_name);
    values.text("repository.source", repository.source, check_source);
    values.text("repository.ref", repository.ref, check_ref);
    values.paths(repository.read);
    values.paths(repository.write);
    values.paths(repository.never);
  }
  for (const model::Credential& credential : profile.credentials) {
    values.text("credential.name", credential.name, check_name);
    values.text("credential.audience", credential.audience, check_audience);
    values.range("credential.ttl", credential.ttl_s, kMinTtlSeconds, kMaxTtlSeconds);
  }
  if (profile.toolchain.root != model::kToolchainRootWords[0]) {
    problems.add({}, "toolchain.root is out of range");
  }
  check_together(profile, problems);
}

}  // namespace carrel::parse
