#include "profiles/compare/compare.h"

#include <algorithm>

#include "profiles/compare/collector.h"
#include "profiles/model/words.h"

namespace carrel::compare {
namespace {

using model::SourceLine;
using model::TextEntry;

/// A bound where 0 means none.
bool is_looser(uint64_t to, uint64_t from) {
  return from != 0 && (to == 0 || to > from);
}

std::string duration_words(uint64_t seconds) {
  return seconds == 0 ? "no limit" : model::to_duration_text(seconds);
}

/// A list of names where an empty one means "anybody".
void compare_names(const std::vector<TextEntry>& to, const std::vector<TextEntry>& from,
                   std::string_view rule, Collector& out) {
  if (from.empty()) return;
  const std::string more = texts_beyond(to, from);
  const SourceLine where = to.empty() ? SourceLine{} : to[0].where;
  out.check(to.empty() || !more.empty(),
            {std::string(rule), to.empty() ? "names nobody, which means anybody" : "names " + more,
             "", where, Way::kWider});
}

std::string hours_words(const model::Hours& hours) {
  return model::to_days_text(hours.days) + " " + model::to_time_text(hours.from_min) + "-" +
         model::to_time_text(hours.to_min) + " " + hours.zone;
}

/// Windows of the same days and zone; one that goes over midnight lies only in another such.
bool hours_within(const model::Hours& inner, const model::Hours& outer) {
  const auto over_midnight = [](const model::Hours& hours) {
    return hours.to_min < hours.from_min;
  };
  const bool times = over_midnight(inner) == over_midnight(outer) &&
                     inner.from_min >= outer.from_min && inner.to_min <= outer.to_min;
  return inner.zone == outer.zone && times && (inner.days & ~outer.days) == 0;
}

struct Amount {
  std::string_view key;
  uint64_t to;
  uint64_t from;
  SourceLine where;
  std::string (*words)(uint64_t);
};

std::string plain_words(uint64_t count) {
  return std::to_string(count);
}

}  // namespace

std::string texts_beyond(const std::vector<TextEntry>& to, const std::vector<TextEntry>& from) {
  std::string out;
  for (const TextEntry& entry : to) {
    const bool there = std::any_of(
        from.begin(), from.end(), [&](const TextEntry& other) { return other.text == entry.text; });
    if (there) continue;
    out += (out.empty() ? "" : ", ") + named(entry.text);
  }
  return out;
}

void compare_purpose(const model::Purpose& to, const model::Purpose& from, Collector& out) {
  compare_names(to.recipients, from.recipients, "purpose.recipients", out);
  compare_names(to.jurisdictions, from.jurisdictions, "purpose.jurisdictions", out);
  if (!from.agreement) return;
  const model::Agreement& asked = *from.agreement;
  const bool same = to.agreement && to.agreement->file == asked.file &&
                    to.agreement->version == asked.version &&
                    to.agreement->survives_s >= asked.survives_s;
  out.check(!same,
            {"purpose.agreement",
             to.agreement ? "asks to accept version " + std::to_string(to.agreement->version) +
                                " of " + named(to.agreement->file)
                          : "asks for no agreement",
             "version " + std::to_string(asked.version) + " of " + named(asked.file),
             to.agreement ? to.agreement->where : SourceLine{},
             to.agreement ? Way::kOther : Way::kWider});
}

void compare_session(const model::SessionRules& to, const model::SessionRules& from,
                     Collector& out) {
  out.check(is_looser(to.max_duration_s, from.max_duration_s),
            {"session.max_duration", "lets a session last " + duration_words(to.max_duration_s),
             duration_words(from.max_duration_s), to.max_duration_line, Way::kWider});
  out.check(
      is_looser(to.idle_timeout_s, from.idle_timeout_s),
      {"session.idle_timeout", "lets a session be idle for " + duration_words(to.idle_timeout_s),
       duration_words(from.idle_timeout_s), to.idle_timeout_line, Way::kWider});
  if (from.hours) {
    out.check(!to.hours || !hours_within(*to.hours, *from.hours),
              {"session.hours", to.hours ? "opens " + hours_words(*to.hours) : "opens at any hour",
               hours_words(*from.hours), to.hours ? to.hours->where : SourceLine{}, Way::kWider});
  }
  out.check(to.assurance == model::AssuranceLevel::kBest &&
                from.assurance == model::AssuranceLevel::kFull,
            {"session.assurance", "opens without every guarantee", "full", {}, Way::kWider});
  out.check(to.start_after < from.start_after,
            {"session.start_after",
             "starts when " + std::string(model::word_of(model::kStartAfterWords, to.start_after)),
             std::string(model::word_of(model::kStartAfterWords, from.start_after)),
             {},
             Way::kWider});
  out.check(
      to.keystrokes != from.keystrokes,
      {"session.keystrokes",
       "records keystrokes: " + std::string(model::word_of(model::kKeystrokesWords, to.keystrokes)),
       std::string(model::word_of(model::kKeystrokesWords, from.keystrokes)),
       {},
       Way::kOther});
}

void compare_limits(const model::Limits& to, const model::Limits& from, Collector& out) {
  const Amount amounts[] = {
      {"cpu", to.cpu_milli, from.cpu_milli, to.cpu_line, model::to_cpu_text},
      {"memory", to.memory_bytes, from.memory_bytes, to.memory_line, model::to_size_text},
      {"processes", to.processes, from.processes, to.processes_line, plain_words},
      {"disk", to.disk_bytes, from.disk_bytes, to.disk_line, model::to_size_text},
      {"inodes", to.inodes, from.inodes, to.inodes_line, plain_words},
      {"tmpfs", to.tmpfs_bytes, from.tmpfs_bytes, to.tmpfs_line, model::to_size_text},
      {"open_files", to.open_files, from.open_files, to.open_files_line, plain_words},
  };
  for (const Amount& amount : amounts) {
    const std::string words = amount.to == 0 ? "no limit" : amount.words(amount.to);
    out.check(
        is_looser(amount.to, amount.from),
        {"limits." + std::string(amount.key), "may use " + words + " of " + std::string(amount.key),
         amount.words(amount.from), amount.where, Way::kWider});
  }
}

void compare_retention(const model::Retention& to, const model::Retention& from, Collector& out) {
  const auto words = [](uint64_t seconds) {
    return seconds == 0 ? std::string("as long as nobody removes them")
                        : model::to_duration_text(seconds);
  };
  out.check(to.record_s != from.record_s,
            {"retention.record", "keeps records " + words(to.record_s), words(from.record_s),
             to.record_line, Way::kOther});
  out.check(to.contents_s != from.contents_s,
            {"retention.contents", "keeps contents " + words(to.contents_s), words(from.contents_s),
             to.contents_line, Way::kOther});
  out.check(is_looser(to.workspace_s, from.workspace_s),
            {"retention.workspace", "keeps unsubmitted work " + words(to.workspace_s),
             words(from.workspace_s), to.workspace_line, Way::kWider});
}

void compare_toolchain(const model::Toolchain& to, const model::Toolchain& from, Collector& out) {
  out.check(to.root != from.root, {"toolchain.root",
                                   "takes programs from " + named(to.root),
                                   named(from.root),
                                   {},
                                   Way::kOther});
  const std::string more = texts_beyond(to.packages, from.packages);
  out.check(!more.empty(),
            {"toolchain.packages", "has the packages " + more, "",
             to.packages.empty() ? SourceLine{} : to.packages[0].where, Way::kWider});
}

std::vector<Gain> gains(const model::Profile& to, const model::Profile& from, const Said& said) {
  Collector out(said);
  compare_repositories(to, from, out);
  compare_interfaces(to, from, out);
  compare_networks(to, from, out);
  compare_credentials(to, from, out);
  compare_forwards(to, from, out);
  compare_session(to.session, from.session, out);
  compare_limits(to.limits, from.limits, out);
  compare_toolchain(to.toolchain, from.toolchain, out);
  compare_purpose(to.purpose, from.purpose, out);
  compare_retention(to.retention, from.retention, out);
  return out.take();
}

}  // namespace carrel::compare
