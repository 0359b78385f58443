#include "launcher/cli/review/facts.h"

#include <algorithm>
#include <unordered_map>

#include "launcher/cli/review/object.h"
#include "profiles/base/text.h"
#include "profiles/model/profile.h"
#include "profiles/model/words.h"
#include "profiles/parse/canonical.h"

namespace carrel::review {
namespace {

class Gatherer {
 public:
  explicit Gatherer(Facts* facts) : facts_(facts) {}

  void take(const events::Event& event) {
    if (facts_->events == 0) {
      facts_->started_ns = event.real_ns;
      facts_->first_mono_ns = event.mono_ns;
    }
    ++facts_->events;
    facts_->last_ns = event.real_ns;
    const std::string_view type = events::type_name(event.data);
    const std::string kind(type.substr(0, type.find('.')));
    ++facts_->counts[kind][verdict_index(event.verdict)];
    if (event.verdict == events::Verdict::kDenied) take_denial(event, type);
    if (const auto* open = std::get_if<events::RecorderOpen>(&event.data)) take_open(event, *open);
    if (const auto* end = std::get_if<events::RecorderEnd>(&event.data)) facts_->end = *end;
    if (const auto* change = std::get_if<events::FileChanged>(&event.data)) take_change(*change);
    if (const auto* opened = std::get_if<events::TerminalOpened>(&event.data))
      take_opened(event, *opened);
    if (const auto* ended = std::get_if<events::TerminalEnded>(&event.data))
      take_ended(event, *ended);
    if (const auto* forward = std::get_if<events::NetForward>(&event.data))
      take_forward(event, *forward);
    if (const auto* lease = std::get_if<events::Credential>(&event.data)) take_lease(event, *lease);
    if (const auto* limit = std::get_if<events::Limit>(&event.data)) take_limit(event, *limit);
    if (const auto* order = std::get_if<events::PolicyOrder>(&event.data))
      add_order(event, order->action, order->person, order->reason);
    if (const auto* time = std::get_if<events::PolicyTime>(&event.data))
      add_order(event, time->action, time->limit, "");
    if (const auto* anomaly = std::get_if<events::NetAnomaly>(&event.data))
      take_anomaly(event, *anomaly);
    if (const auto* loss = std::get_if<events::RecorderLoss>(&event.data)) {
      for (const auto& [name, count] : loss->counts)
        facts_->loss[name] += count;
    }
  }

 private:
  void take_open(const events::Event& event, const events::RecorderOpen& open) {
    if (event.seq != 0) return;  // only event 0 speaks for the session
    facts_->open = open;
    const auto profile = parse::parse_canonical(open.profile_canonical);
    if (!profile.ok()) return;
    for (const model::Credential& credential : profile.value().credentials)
      kinds_[credential.name] = model::word_of(model::kCredentialKindWords, credential.kind);
  }

  void take_denial(const events::Event& event, std::string_view type) {
    ++facts_->denied;
    Denial denial{
        event.seq, event.real_ns, std::string(type), object_of(event.data), event.error, event.rule,
        1};
    std::string key = denial.type;
    for (const std::string& part : {std::to_string(denial.error), denial.rule, denial.object}) {
      key += '\0';
      key += part;
    }
    const auto found = groups_.find(key);
    if (found != groups_.end()) {
      ++facts_->denials[found->second].times;
    } else if (facts_->denials.size() >= kMaxDenialGroups) {
      ++facts_->denied_unlisted;
    } else {
      groups_.emplace(std::move(key), facts_->denials.size());
      facts_->denials.push_back(std::move(denial));
    }
  }

  void take_change(const events::FileChanged& change) {
    ++facts_->changed;
    if (facts_->changes.size() < kMaxChangesListed) facts_->changes.push_back(change);
  }

  void take_opened(const events::Event& event, const events::TerminalOpened& opened) {
    if (facts_->terminals.size() >= kMaxTerminalsListed) return;
    facts_->terminals.push_back(
        {event.channel, opened.command, opened.how, event.real_ns, std::nullopt});
  }

  /// The first command's, which has no number, is in the session's own end.
  void take_ended(const events::Event& event, const events::TerminalEnded& ended) {
    for (TerminalFacts& each : facts_->terminals) {
      if (each.channel == event.channel && !each.ended.has_value()) each.ended = ended;
    }
  }

  /// What was refused is among the denials. There are few: a profile names at most 64 ports.
  void take_forward(const events::Event& event, const events::NetForward& forward) {
    if (event.verdict == events::Verdict::kDenied) return;
    auto& all = facts_->forwards;
    const auto found = std::find_if(all.begin(), all.end(), [&](const ForwardFacts& each) {
      return each.address == forward.address && each.port == forward.port;
    });
    if (found != all.end()) {
      ++found->times;
    } else if (all.size() < kMaxTerminalsListed) {
      all.push_back({forward.address, forward.port, 1});
    }
  }

  /// There are few: a closed set of names, each with one value in a session.
  void take_limit(const events::Event& event, const events::Limit& limit) {
    if (limit.action == "released") return;
    auto& all = facts_->limits;
    auto found = std::find_if(all.begin(), all.end(), [&](const LimitFacts& each) {
      return each.limit == limit.limit && each.action == limit.action && each.value == limit.value;
    });
    if (found == all.end()) {
      if (all.size() >= kMaxOrdersListed) return;
      all.push_back({limit.limit, limit.action, "", limit.value, 0, event.real_ns});
      found = all.end() - 1;
    }
    found->times += std::max<uint64_t>(limit.count, 1);
    if (found->object.empty()) found->object = limit.object;
  }

  void add_order(const events::Event& event, const std::string& action, const std::string& by,
                 const std::string& reason) {
    if (facts_->orders.size() < kMaxOrdersListed)
      facts_->orders.push_back({action, by, reason, event.real_ns});
  }

  void take_anomaly(const events::Event& event, const events::NetAnomaly& anomaly) {
    if (facts_->anomalies.size() < kMaxAnomaliesListed)
      facts_->anomalies.push_back({event.seq, event.real_ns, anomaly});
    else
      ++facts_->anomalies_unlisted;
  }

  /// A renewal is a lease of its own; its end is told by its id.
  void take_lease(const events::Event& event, const events::Credential& told) {
    auto& leases = facts_->credentials;
    const auto found = std::find_if(leases.begin(), leases.end(), [&](const LeaseFacts& each) {
      return each.name == told.name && each.lease == told.lease;
    });
    if (told.action == "ended") {
      if (found != leases.end()) found->ended_ns = event.real_ns;
      return;
    }
    if (found != leases.end()) {
      found->not_after_s = told.not_after;
      return;
    }
    if (leases.size() >= kMaxDenialGroups) return;
    const auto kind = kinds_.find(told.name);
    leases.push_back({told.name, kind == kinds_.end() ? "" : kind->second, told.lease,
                      event.real_ns, told.not_after, std::nullopt});
  }

  Facts* facts_;
  std::unordered_map<std::string, size_t> groups_;
  std::map<std::string, std::string> kinds_;
};

void read_seals(const segments::RecordReader& record, Facts* facts) {
  const auto seals = record.seals();
  if (!seals.ok()) {
    if (facts->damage.empty()) facts->damage = to_string(seals.error());
    return;
  }
  facts->seals.count = seals.value().size();
  if (seals.value().empty()) return;
  const evidence::Seal& last = seals.value().back().seal;
  facts->seals.size = last.size;
  facts->seals.root = to_hex(evidence::as_view(last.root));
  facts->seals.lost = last.lost;
  facts->seals.closed = last.state == evidence::SealState::kClosed;
}

}  // namespace

size_t verdict_index(events::Verdict verdict) {
  switch (verdict) {
    case events::Verdict::kAllowed:
      return 0;
    case events::Verdict::kDenied:
      return 1;
    case events::Verdict::kObserved:
      break;
  }
  return 2;
}

uint64_t Facts::lost() const {
  return std::max(seals.lost, end ? end->lost : 0);
}

const events::Rule* Facts::rule(std::string_view id) const {
  if (!open) return nullptr;
  const auto found = std::find_if(open->rules.begin(), open->rules.end(),
                                  [id](const events::Rule& each) { return each.id == id; });
  return found == open->rules.end() ? nullptr : &*found;
}

Facts read_facts(const segments::RecordReader& record) {
  Facts facts;
  Gatherer gatherer(&facts);
  const auto summary = record.for_each([&gatherer](const events::Event& event) {
    gatherer.take(event);
    return true;
  });
  if (summary.ok()) {
    facts.unfinished = summary.value().unfinished;
  } else {
    facts.damage = to_string(summary.error());
  }
  read_seals(record, &facts);
  return facts;
}

protocol::SessionRow told_by_record(const protocol::SessionRow& row, const Facts& facts) {
  protocol::SessionRow out = row;
  if (facts.open) {
    const events::RecorderOpen& open = *facts.open;
    out.set_workspace(open.workspace);
    out.set_task(open.task);
    out.set_profile(open.profile_name);
    out.set_profile_version(open.profile_version);
    out.set_profile_sha256(to_hex(open.profile_sha256));
    out.set_person(open.person);
    out.set_host(open.host);
    out.set_mode(open.mode);
    out.clear_command();
    for (const std::string& word : open.command)
      out.add_command(word);
  }
  out.set_events(facts.events);
  out.set_denied(facts.denied);
  out.set_changed(facts.changed);
  out.set_lost(facts.lost());
  if (out.started_ns() == 0) out.set_started_ns(facts.started_ns);
  if (row.state() == "running") return out;
  const bool closed = facts.end && facts.seals.closed && !facts.unfinished && facts.damage.empty();
  out.set_state(closed ? "closed" : "broken");
  if (facts.end) {
    out.set_end_by(facts.end->by);
    out.set_end_code(facts.end->code);
  }
  if (out.ended_ns() == 0) out.set_ended_ns(facts.last_ns);
  return out;
}

}  // namespace carrel::review
