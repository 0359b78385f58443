#include "profiles/explain/difference.h"

#include <algorithm>

#include "profiles/base/text.h"
#include "profiles/compare/compare.h"
#include "profiles/explain/page.h"
#include "profiles/model/words.h"

namespace carrel::explain {
namespace {

using compare::Gain;

void add_section(Page& page, std::string_view title, const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  page.line(0, title);
  for (const std::string& line : lines)
    page.line(1, line);
}

std::string line_of(const Gain& gain) {
  return gain.rule + ": " + gain.words +
         (gain.instead.empty() ? "" : " (was " + gain.instead + ")");
}

void note(std::vector<std::string>& changes, std::string_view key, std::string_view before,
          std::string_view after) {
  if (before == after) return;
  changes.push_back(std::string(key) + ": \"" + quoted(after) + "\" (was \"" + quoted(before) +
                    "\")");
}

std::string waiver_words(const std::optional<model::Waiver>& waiver) {
  return waiver ? waiver->by + ": " + waiver->reason : "none";
}

}  // namespace

std::string difference(const model::Profile& before, const model::Profile& after) {
  const compare::Said all = compare::Said::everything();
  std::vector<std::string> allowed;
  std::vector<std::string> stopped;
  std::vector<std::string> changed;
  note(changed, "profile", before.name, after.name);
  note(changed, "version", std::to_string(before.version), std::to_string(after.version));
  note(changed, "summary", before.summary, after.summary);
  note(changed, "purpose.statement", before.purpose.statement, after.purpose.statement);
  note(changed, "purpose.use", model::word_of(model::kUseWords, before.purpose.use),
       model::word_of(model::kUseWords, after.purpose.use));
  note(changed, "session.on_record_failure",
       model::word_of(model::kOnRecordFailureWords, before.session.on_record_failure),
       model::word_of(model::kOnRecordFailureWords, after.session.on_record_failure));
  for (const model::Network& network : after.networks) {
    const auto same = [&network](const model::Network& one) { return one.host == network.host; };
    const auto old = std::find_if(before.networks.begin(), before.networks.end(), same);
    const bool was = old != before.networks.end();
    note(changed, "network." + network.host + ".waiver",
         waiver_words(was ? old->waiver : std::nullopt), waiver_words(network.waiver));
  }
  for (const Gain& gain : compare::gains(after, before, all))
    (gain.way == compare::Way::kOther ? changed : allowed).push_back(line_of(gain));
  for (const Gain& gain : compare::gains(before, after, all)) {
    if (gain.way == compare::Way::kOther) continue;  // said above
    stopped.push_back(gain.rule + ": " + gain.words +
                      (gain.instead.empty() ? "" : " (now " + gain.instead + ")"));
  }
  for (const model::Widen& widen : after.widened) {
    if (std::find_if(before.widened.begin(), before.widened.end(), [&](const model::Widen& one) {
          return one.of == widen.of && one.reason == widen.reason &&
                 one.approved_by == widen.approved_by;
        }) != before.widened.end())
      continue;
    changed.push_back("widen: goes beyond " + quoted(widen.of) + ", approved by " +
                      quoted(widen.approved_by) + ": " + quoted(widen.reason));
  }
  Page page;
  add_section(page, "Becomes allowed:", allowed);
  add_section(page, "Stops being allowed:", stopped);
  add_section(page, "Changes:", changed);
  return page.text();
}

}  // namespace carrel::explain
