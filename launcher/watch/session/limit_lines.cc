#include "launcher/watch/session/limit_lines.h"

#include <string_view>

#include "launcher/box/plan/limits.h"
#include "profiles/base/text.h"

namespace carrel::session {
namespace {

constexpr size_t kMaxShown = 256;
constexpr std::string_view kRulePrefix = "limits.";

std::string shown(std::string_view text) {
  return quoted(text.substr(0, kMaxShown));
}

std::string times(uint64_t count) {
  return count > 1 ? " (" + std::to_string(count) + " times)" : "";
}

/// What the contractor sees of it.
std::string effect(const events::Limit& limit) {
  if (limit.action == "near") {
    const uint64_t percent = limit.value < 100 ? 90 : limit.used / (limit.value / 100);
    return std::to_string(percent) + " % of " + shown(limit.object) + " are used.";
  }
  if (limit.limit == "memory") {
    const std::string what = limit.object.empty() ? "" : " " + shown(limit.object);
    if (limit.count > 1) {
      return "the kernel ended " + std::to_string(limit.count) + " processes" +
             (what.empty() ? "" : " of" + what) + ".";
    }
    return "the kernel ended" + (what.empty() ? " a process" : what) + ".";
  }
  if (limit.limit == "processes") {
    return "new processes and threads are refused" + times(limit.count) + ".";
  }
  if (limit.limit == "cpu") return "programs wait for their turn.";
  if (limit.limit == "open_files") {
    return (limit.object.empty() ? "a process" : shown(limit.object)) + " may open no more" +
           times(limit.count) + ".";
  }
  if (limit.limit == "inodes") return shown(limit.object) + " takes no more files.";
  return shown(limit.object) + " is full.";
}

}  // namespace

LimitLines::LimitLines(const protocol::SessionSpec& spec, const std::vector<Volume>& volumes)
    : task_(spec.task()), profile_path_(spec.profile_path()) {
  for (const Volume& volume : volumes) {
    if (volume.limit == "tmpfs") tmpfs_.insert(volume.path);
  }
  for (const protocol::RuleLine& line : spec.rule_lines()) {
    if (line.id().starts_with(kRulePrefix))
      lines_[line.id().substr(kRulePrefix.size())] = line.line();
  }
}

std::string LimitLines::key_of(const events::Limit& limit) const {
  return limit.limit == "inodes" && tmpfs_.contains(limit.object) ? "tmpfs" : limit.limit;
}

std::optional<std::string> LimitLines::line(const events::Limit& limit, uint64_t now_ns) {
  const auto [said, first] =
      said_ns_.try_emplace(limit.limit + '\0' + limit.action + '\0' + limit.object, now_ns);
  if (!first && now_ns < said->second + kQuietNs) return std::nullopt;
  said->second = now_ns;
  const std::string key = key_of(limit);
  const auto line = lines_.find(key);
  const bool written = line != lines_.end() && line->second > 0;
  return "carrel: limit: " + limit.limit + " " + plan::amount_text(limit.limit, limit.value) +
         (limit.action == "near" ? " nearly reached: " : " reached: ") + effect(limit) +
         " To raise it, ask whoever grants task " + shown(task_) + ": " + key + " in [limits]" +
         (written ? ", " + shown(profile_path_) + " line " + std::to_string(line->second) : "") +
         ".\n";
}

}  // namespace carrel::session
