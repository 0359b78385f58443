#include "launcher/cli/review/show_text.h"

#include <algorithm>

#include "launcher/cli/review/fields.h"
#include "profiles/base/text.h"
#include "profiles/model/words.h"

namespace carrel::review {
namespace {

constexpr size_t kLabelWidth = 12;
constexpr size_t kDigestShown = 16;
constexpr size_t kIdShown = 12;
constexpr size_t kLinesShown = 200;  // of denials and of changes; --json has all
constexpr size_t kCommandShown = 400;

std::string line(std::string_view label, const std::string& text) {
  return padded(std::string(label), kLabelWidth) + text + "\n";
}

std::string number(uint64_t value) {
  return std::to_string(value);
}

std::string command_text(const protocol::SessionRow& row) {
  std::string out;
  for (const std::string& word : row.command()) {
    out += (out.empty() ? "" : " ") + quoted(word);
    if (out.size() > kCommandShown) break;
  }
  return clipped(out, kCommandShown);
}

std::string how_it_stands(const protocol::SessionRow& row, const Facts& facts) {
  if (row.state() == "running") return "still running: what follows is what is recorded so far";
  std::string how = "by " + quoted(row.end_by()) + ", status " + std::to_string(row.end_code());
  if (row.end_by().empty()) how = "how is not known";
  if (row.state() == "closed") return how;
  std::string why = "the record was not closed";
  if (!facts.damage.empty()) {
    why = quoted(facts.damage);
  } else if (facts.unfinished) {
    why = "the record breaks off";
  }
  return "did not end properly (" + why + "); " + how;
}

std::string when_text(const protocol::SessionRow& row, const Facts& facts) {
  std::string out = time_text(row.started_ns());
  const uint64_t last = row.state() == "running" ? facts.last_ns : row.ended_ns();
  if (last < row.started_ns()) return out;
  return out + " to " + (row.state() == "running" ? "now" : time_text(last)) + " (" +
         duration_text(last - row.started_ns()) + ")";
}

std::string who_text(const protocol::SessionRow& row, const Facts& facts) {
  std::string out = line("session", quoted(row.session()));
  out += line("who", quoted(row.person()) + " on " + quoted(row.host()));
  out += line("task", quoted(row.task()) + ", workspace " + quoted(row.workspace()));
  out += line("profile", quoted(row.profile()) + " version " + number(row.profile_version()) +
                             ", sha256 " + quoted(row.profile_sha256().substr(0, kDigestShown)));
  out += line("command", command_text(row));
  out += line("when", when_text(row, facts));
  out += line(row.state() == "running" ? "state" : "ended", how_it_stands(row, facts));
  if (!facts.open) return out + line("sensor", "not known: the record has no event 0");
  out += line("sensor", quoted(facts.open->sensor) + ", mode " + quoted(row.mode()) +
                            ", assurance asked: " + quoted(facts.open->asked));
  bool any = false;
  for (const events::AssuranceItem& item : facts.open->assurance) {
    if (item.given) continue;
    out += line(any ? "" : "not given", quoted(item.id) + ": " + quoted(item.why));
    any = true;
  }
  return any ? out : out + line("not given", "nothing: every guarantee was given");
}

std::string activity_text(const Facts& facts) {
  std::string out = line("events", number(facts.events) + ", " + number(facts.denied) + " denied");
  for (const auto& [kind, verdicts] : facts.counts) {
    std::string counts;
    constexpr std::array<std::string_view, 3> kWords = {" allowed", " denied", " observed"};
    for (size_t i = 0; i < kWords.size(); ++i) {
      if (verdicts[i] == 0) continue;
      counts += (counts.empty() ? "" : ", ") + number(verdicts[i]) + std::string(kWords[i]);
    }
    out += line("", padded(quoted(kind), 12) + counts);
  }
  return out;
}

std::string rule_text(const Facts& facts, const std::string& id) {
  if (id.empty()) return "no rule";
  const events::Rule* rule = facts.rule(id);
  std::string out = quoted(id);
  if (rule == nullptr) return out;
  if (!rule->words.empty()) out += ": " + quoted(rule->words);
  if (rule->file.empty()) return out;
  out += " (" + quoted(rule->file);
  if (rule->line != 0) out += ":" + number(rule->line);
  return out + ")";
}

std::string denials_text(const Facts& facts) {
  if (facts.denials.empty()) return line("denied", "nothing");
  std::string out = line(
      "denied", number(facts.denied) + " times, " + number(facts.denials.size()) + " different");
  std::vector<const Denial*> sorted;
  for (const Denial& denial : facts.denials)
    sorted.push_back(&denial);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Denial* a, const Denial* b) { return a->times > b->times; });
  for (size_t i = 0; i < sorted.size() && i < kLinesShown; ++i) {
    const Denial& denial = *sorted[i];
    const uint64_t since = denial.time_ns - std::min(denial.time_ns, facts.started_ns);
    out += "  " + padded(number(denial.times) + "x", 6) + quoted(denial.type) + " " +
           quoted(denial.object) + (denial.error == 0 ? "" : " " + errno_name(denial.error)) +
           "  (first: event " + number(denial.seq) + ", " + since_text(since) + ")\n";
    out += "        " + rule_text(facts, denial.rule) + "\n";
  }
  if (sorted.size() > kLinesShown)
    out += "  ... and " + number(sorted.size() - kLinesShown) + " more kinds (--json lists them)\n";
  if (facts.denied_unlisted > 0)
    out += "  ... and " + number(facts.denied_unlisted) + " denials of yet other kinds\n";
  return out;
}

std::string change_line(const events::FileChanged& change) {
  std::string sign = "~";
  std::string sizes = number(change.before_bytes) + " -> " + number(change.after_bytes) + " bytes";
  if (change.change == "added") {
    sign = "+";
    sizes = number(change.after_bytes) + " bytes";
  } else if (change.change == "deleted") {
    sign = "-";
    sizes = number(change.before_bytes) + " bytes";
  } else if (change.change == "mode") {
    sizes = "mode only";
  }
  return "  " + sign + " " + padded(quoted(change.path), 44) + "  " + sizes +
         (change.note.empty() ? "" : " (" + quoted(change.note) + ")") + "\n";
}

std::string changes_text(const Facts& facts) {
  if (facts.changes.empty()) {
    const bool known = facts.end.has_value();
    return line("changed", known ? "nothing" : "not known: it is found out at the end");
  }
  std::string out =
      line("changed", number(facts.changed) + (facts.changed == 1 ? " file" : " files"));
  for (size_t i = 0; i < facts.changes.size() && i < kLinesShown; ++i)
    out += change_line(facts.changes[i]);
  if (facts.changes.size() > kLinesShown)
    out +=
        "  ... and " + number(facts.changes.size() - kLinesShown) + " more (--json lists them)\n";
  return out;
}

/// Nothing where there was but the first.
std::string terminals_text(const Facts& facts) {
  if (facts.terminals.empty()) return "";
  std::string out = line("terminals", number(facts.terminals.size()) + " besides the first");
  for (size_t i = 0; i < facts.terminals.size() && i < kLinesShown; ++i) {
    const TerminalFacts& each = facts.terminals[i];
    const std::string what =
        each.how == "ssh" ? "ssh connection" : quoted(each.command) + " (" + quoted(each.how) + ")";
    out += "  " + quoted(each.channel) + "  " + time_text(each.opened_ns) + "  " + what + ", " +
           (each.ended ? "ended by " + quoted(each.ended->by) + ", status " +
                             std::to_string(each.ended->code)
                       : "not ended in the record") +
           "\n";
  }
  if (facts.terminals.size() > kLinesShown)
    out +=
        "  ... and " + number(facts.terminals.size() - kLinesShown) + " more (--json lists them)\n";
  return out;
}

std::string forwards_text(const Facts& facts) {
  if (facts.forwards.empty()) return "";
  std::string out = line("ports", number(facts.forwards.size()) + " reached through ssh");
  for (size_t i = 0; i < facts.forwards.size() && i < kLinesShown; ++i) {
    const ForwardFacts& each = facts.forwards[i];
    out += "  " + quoted(each.address) + " port " + number(each.port) + ", " + number(each.times) +
           (each.times == 1 ? " connection\n" : " connections\n");
  }
  return out;
}

std::string amount_text(const std::string& limit, uint64_t value) {
  if (limit == "cpu") return model::to_cpu_text(value) + " processors";
  const bool bytes =
      limit == "memory" || limit == "disk" || limit == "tmpfs" || limit == "host_disk";
  return bytes ? model::to_size_text(value) : number(value);
}

std::string limit_line(const LimitFacts& each, uint64_t started_ns) {
  const uint64_t since = each.first_ns - std::min(each.first_ns, started_ns);
  std::string what = " reached";
  if (each.action == "near") what = " nearly reached";
  if (each.action == "held") what = " to be free: held until it was";
  return "  " + quoted(each.limit) + " " + amount_text(each.limit, each.value) + what + ", " +
         number(each.times) + (each.times == 1 ? " time" : " times") + ", first " +
         since_text(since) + (each.object.empty() ? "" : ": " + quoted(each.object)) + "\n";
}

/// Nothing where there was none.
std::string limits_text(const Facts& facts) {
  if (facts.limits.empty()) return "";
  std::string out = line("limits", number(facts.limits.size()) + " reached or nearly");
  for (size_t i = 0; i < facts.limits.size() && i < kLinesShown; ++i)
    out += limit_line(facts.limits[i], facts.started_ns);
  return out;
}

std::string orders_text(const Facts& facts) {
  if (facts.orders.empty()) return "";
  std::string out = line("orders", number(facts.orders.size()) + ", of people and of time");
  for (size_t i = 0; i < facts.orders.size() && i < kLinesShown; ++i) {
    const OrderFacts& each = facts.orders[i];
    out += "  " + time_text(each.time_ns) + "  " + quoted(each.action) + " by " + quoted(each.by) +
           (each.reason.empty() ? "" : ": " + quoted(each.reason)) + "\n";
  }
  if (facts.orders.size() > kLinesShown)
    out += "  ... and " + number(facts.orders.size() - kLinesShown) + " more (--json lists them)\n";
  return out;
}

/// Nothing where there was none.
std::string anomalies_text(const Facts& facts) {
  if (facts.anomalies.empty()) return "";
  const uint64_t count = facts.anomalies.size() + facts.anomalies_unlisted;
  std::string out = line("anomalies", number(count) + " of the network: noticed, not refused");
  for (size_t i = 0; i < facts.anomalies.size() && i < kLinesShown; ++i) {
    const AnomalyFacts& each = facts.anomalies[i];
    const uint64_t since = each.time_ns - std::min(each.time_ns, facts.started_ns);
    out += "  " + quoted(each.told.what) +
           (each.told.name.empty() ? "" : " " + quoted(each.told.name)) + ": " +
           quoted(each.told.detail) + "  (event " + number(each.seq) + ", " + since_text(since) +
           ")\n";
  }
  if (count > kLinesShown)
    out += "  ... and " + number(count - kLinesShown) + " more (carrel events lists them)\n";
  return out;
}

std::string credentials_text(const Facts& facts) {
  if (facts.credentials.empty()) return line("credentials", "none");
  std::string out = line("credentials", number(facts.credentials.size()) + " leases");
  constexpr uint64_t kNsPerSecond = 1'000'000'000;
  for (const LeaseFacts& lease : facts.credentials) {
    const uint64_t end = std::min(lease.not_after_s, UINT64_MAX / kNsPerSecond) * kNsPerSecond;
    out += "  " + quoted(lease.name) + " " + quoted(lease.lease) + ", issued " +
           time_text(lease.issued_ns) + ", not after " + time_text(end) +
           (lease.ended_ns ? ", ended " + time_text(*lease.ended_ns) : "") + "\n";
  }
  return out;
}

std::string record_text(const Facts& facts) {
  std::string loss;
  for (const auto& [type, count] : facts.loss)
    loss += (loss.empty() ? " (" : ", ") + quoted(type) + " " + number(count);
  if (!loss.empty()) loss += ")";
  std::string out =
      line("lost",
           facts.lost() == 0 && loss.empty() ? "nothing" : number(facts.lost()) + " events" + loss);
  std::string seals = number(facts.seals.count);
  if (facts.seals.count > 0) {
    seals += ", the last over " + number(facts.seals.size) + " events, root " +
             facts.seals.root.substr(0, kDigestShown) + (facts.seals.closed ? ", closed" : "");
  }
  return out + line("seals", seals);
}

}  // namespace

std::string show_text(const protocol::SessionRow& row, const Facts& facts) {
  const std::string id = row.session().substr(0, kIdShown);
  std::string out = who_text(row, facts) + activity_text(facts) + terminals_text(facts) +
                    forwards_text(facts) + limits_text(facts) + orders_text(facts) +
                    anomalies_text(facts) + denials_text(facts) + changes_text(facts) +
                    credentials_text(facts) + record_text(facts);
  return out + "next: carrel replay " + id + " | carrel diff " + id + " | carrel verify " + id +
         "\n";
}

}  // namespace carrel::review
