#include "broker/service/slices/git_settings.h"

#include <algorithm>
#include <array>

#include "broker/service/slices/patterns.h"

namespace carrel::slices {
namespace {

// Headers with a comment of their own: they are told from the contractor's, and git keeps them.
// The first line is a comment so that it ends whatever the line before it left open.
constexpr std::string_view kNote = "# Carrel puts the lines below back at each opening.";
constexpr std::string_view kCore = "[core] # Carrel";
constexpr std::string_view kCheckStat = "\tcheckStat = minimal";
constexpr std::string_view kSparse = "[sparse] # Carrel";
constexpr std::array<std::string_view, 2> kOurHeaders = {kCore, kSparse};
// Without any of the last three, git stops at the first pull that touches a read-only entry.
constexpr std::array<std::string_view, 5> kOurKeys = {kNote, kCheckStat, "\tsparseCheckout = true",
                                                      "\tsparseCheckoutCone = false",
                                                      "\texpectFilesOutsideOfPatterns = true"};
constexpr std::string_view kExcludeNote = "# Bound read-only over this working tree by Carrel.";

template <typename List>
bool has(const List& list, std::string_view line) {
  return std::find(list.begin(), list.end(), line) != list.end();
}

std::vector<std::string_view> lines_of(std::string_view bytes) {
  std::vector<std::string_view> lines;
  while (!bytes.empty()) {
    const std::string_view line = bytes.substr(0, bytes.find('\n'));
    bytes.remove_prefix(std::min(bytes.size(), line.size() + 1));
    lines.push_back(line);
  }
  return lines;
}

void put(std::string_view line, std::string& out) {
  out += line;
  out += '\n';
}

Status check_size(std::string_view present) {
  if (present.size() <= kMaxSettingsBytes) return Done{};
  return Error{"larger than 1 MiB"};
}

/// Without our own lines. git writes a new key into the last section of its name, which is ours:
/// a header stays where such a key follows.
std::string without_ours(std::string_view present) {
  std::string out;
  std::string_view held;
  for (const std::string_view line : lines_of(present)) {
    if (has(kOurKeys, line)) continue;
    if (has(kOurHeaders, line)) {
      held = line;
      continue;
    }
    const size_t first = line.find_first_not_of(" \t\r");
    const bool is_key = first != std::string_view::npos &&
                        std::string_view("[#;").find(line[first]) == std::string_view::npos;
    if (first != std::string_view::npos && line[first] == '[') held = {};
    if (is_key && !held.empty()) {
      put(held, out);
      held = {};
    }
    put(line, out);
  }
  return out;
}

/// The lines of `present` that are none of `ours`.
std::string without(std::string_view present, const std::vector<std::string>& ours) {
  std::string out;
  for (const std::string_view line : lines_of(present)) {
    if (!has(ours, line)) put(line, out);
  }
  return out;
}

}  // namespace

Result<std::string> with_config(std::string_view present, bool has_read_only) {
  RETURN_IF_ERROR(check_size(present));
  std::string out = without_ours(present);
  put(kNote, out);
  put(kCore, out);
  put(kCheckStat, out);
  if (!has_read_only) return out;
  put(kOurKeys[2], out);
  put(kOurKeys[3], out);
  put(kSparse, out);
  put(kOurKeys[4], out);
  return out;
}

Result<std::string> with_sparse_patterns(std::string_view present, const Entries& entries) {
  RETURN_IF_ERROR(check_size(present));
  std::vector<std::string> ours;
  for (const manifest::ReadOnlyEntry& entry : entries) {
    ASSIGN_OR_RETURN(const std::string pattern, entry_pattern(entry));
    ours.push_back("!" + pattern);
  }
  std::string out = without(present, ours);
  if (out.empty()) out = "/*\n";
  for (const std::string& line : ours)
    put(line, out);
  return out;
}

Result<std::string> with_exclude_patterns(std::string_view present, const Entries& entries) {
  RETURN_IF_ERROR(check_size(present));
  std::vector<std::string> ours = {std::string(kExcludeNote)};
  for (const manifest::ReadOnlyEntry& entry : entries) {
    ASSIGN_OR_RETURN(std::string pattern, entry_pattern(entry));
    ours.push_back(std::move(pattern));
  }
  std::string out = without(present, ours);
  for (const std::string& line : ours)
    put(line, out);
  return out;
}

}  // namespace carrel::slices
