#include "launcher/watch/session/notice.h"

#include "launcher/box/plan/limits.h"
#include "profiles/base/text.h"
#include "profiles/model/words.h"

namespace carrel::session {
namespace {

constexpr size_t kMaxShown = 160;  // bytes of a text that somebody wrote
constexpr size_t kMaxWarning = 400;

/// The first line of a text, safe to show, cut at a character.
std::string one_line(std::string_view text, size_t limit = kMaxShown) {
  text = text.substr(0, text.find('\n'));
  if (text.size() <= limit) return quoted(text);
  size_t end = limit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
    --end;
  return quoted(text.substr(0, end)) + "…";
}

}  // namespace

std::string notice(const protocol::SessionConfig& config, const model::Profile& profile) {
  std::string out =
      "carrel: this session is recorded as evidence: what is shown on the terminal, processes, "
      "files and network; no keystrokes.\n";
  out += "carrel: task " + quoted(config.spec().task()) + " (" +
         std::string(model::word_of(model::kUseWords, profile.purpose.use)) +
         "): " + one_line(profile.purpose.statement) +
         "\ncarrel: those who grant and review this task may look at the record.\n";
  std::string missing;
  for (const protocol::AssuranceItem& item : config.assurance()) {
    if (!item.given()) missing += (missing.empty() ? "" : ", ") + quoted(item.id());
  }
  if (!missing.empty()) out += "carrel: this host does not guarantee: " + missing + ".\n";
  for (const std::string& warning : config.warnings())
    out += "carrel: " + one_line(warning, kMaxWarning) + "\n";
  return out;
}

std::string time_notice(const TimeRules::Warning& warning) {
  return "carrel: this session ends in " + model::to_duration_text(warning.left_s) +
         (warning.limit == "idle_timeout" ? " unless something is typed" : "") + " (" +
         warning.limit + ").\n";
}

std::string order_notice(const events::PolicyOrder& order) {
  std::string line = "carrel: this session is " + quoted(order.action) + " by " +
                     one_line(order.person) + ": " + one_line(order.reason) + ".";
  if (order.action == "paused") line += " Nothing runs until it is resumed; its time goes on.";
  return line + "\n";
}

std::string held_notice(const protocol::HostSpace& space) {
  return "carrel: this session is held: " + plan::amount_text("disk", space.free_bytes) +
         " are left on the host's disk and " + plan::amount_text("disk", space.mark_bytes) +
         " must be, or what is written here could be lost. Nothing runs until there is room, then "
         "it "
         "goes on by itself; its time goes on. Whoever runs this host can make room.\n";
}

std::string released_notice(bool paused) {
  return std::string("carrel: the host has room again: this session ") +
         (paused ? "is paused still.\n" : "goes on.\n");
}

}  // namespace carrel::session
