#include "launcher/cli/review/net_facts.h"

#include <utility>
#include <variant>

namespace carrel::review {
namespace {

/// What a grant is for, of the lines that were shown (grant_text.h): "network pypi.example.com".
std::string subject_of(const std::string& text) {
  for (const std::string_view key : {"network", "credential"}) {
    const std::string start = "\n" + std::string(key) + ": ";
    const size_t at = text.find(start);
    if (at == std::string::npos) continue;
    const size_t value = at + start.size();
    return std::string(key) + " " + text.substr(value, text.find('\n', value) - value);
  }
  return text.substr(0, text.find('\n'));
}

class Gatherer {
 public:
  explicit Gatherer(NetFacts* facts) : facts_(facts) {}

  void take(const events::Event& event) {
    if (event.seq == 0) facts_->started_ns = event.real_ns;
    event_ = &event;
    std::visit([this](const auto& data) { on(data); }, event.data);
  }

 private:
  using Place = std::pair<std::string, uint32_t>;

  template <typename Other>
  void on(const Other& /*of no interest*/) {}

  void on(const events::NetOpen& open) {
    const Place place{open.name.empty() ? open.address : open.name, open.port};
    Destination* to = destination(place.first, place.second);
    if (to == nullptr) return;
    if (flows_.size() < kMaxFlows) flows_[open.flow] = place;
    if (event_->verdict == events::Verdict::kDenied) {
      ++to->refused;
      if (to->rule.empty()) to->rule = event_->rule;
    } else {
      if (to->mode.empty()) to->rule = event_->rule;
      if (to->mode.empty()) to->mode = open.mode;
    }
    ++to->connections;
    if (event_->process) {
      keep(&to->programs, event_->process->exe);
    } else {
      ++to->without_process;
    }
  }

  void on(const events::NetClose& close) {
    Destination* to = destination_of(close.flow, close.name);
    if (to == nullptr) return;
    to->up += close.up;
    to->down += close.down;
    to->last_ns = event_->real_ns;
    keep(&to->upstreams, close.upstream);
    count(&to->ends, close.by);
  }

  void on(const events::HttpRequest& request) {
    Destination* to = destination_of(request.flow, request.host);
    if (to == nullptr) return;
    ++to->requests;
    if (event_->verdict == events::Verdict::kDenied) ++to->requests_denied;
    keep(&to->leases, request.lease);
    count(&to->methods, request.method);
  }

  void on(const events::DnsQuery& query) {
    if (event_->verdict != events::Verdict::kDenied) return;
    UnknownName* name = find_or_add({query.name, query.reason}, &names_, &facts_->names);
    if (name == nullptr) return;
    if (name->times == 0) *name = {query.name, query.reason, event_->rule, 0, event_->real_ns};
    name->times += query.count;
  }

  /// The sensor's: all attempts, where net.refused is a sample of the packet filter's.
  void on(const events::NetConnect& connect) {
    if (event_->verdict != events::Verdict::kDenied || connect.family == "unix") return;
    RefusedAddress* address =
        find_or_add({connect.address, connect.port}, &addresses_, &facts_->addresses);
    if (address == nullptr) return;
    if (address->times == 0) *address = {connect.address, connect.port, 0, event_->real_ns, {}};
    ++address->times;
    if (event_->process) keep(&address->programs, event_->process->exe);
  }

  void on(const events::NetBudget& budget) {
    note("budget", budget.action, budget.name,
         budget.way + ", " + std::to_string(budget.used) + " of " + std::to_string(budget.limit) +
             " bytes");
  }
  void on(const events::NetAnomaly& anomaly) {
    note("anomaly", anomaly.what, anomaly.name, anomaly.detail);
  }
  void on(const events::GrantChange& grant) {
    std::string detail = grant.person;
    if (!grant.reason.empty()) detail += (detail.empty() ? "" : ": ") + grant.reason;
    note("grant", grant.action, subject_of(grant.what), std::move(detail));
  }

  void note(std::string kind, const std::string& what, std::string name, std::string detail) {
    if (facts_->notes.size() >= kMaxListed) {
      ++facts_->unlisted;
      return;
    }
    facts_->notes.push_back(
        {std::move(kind), what, std::move(name), std::move(detail), event_->real_ns});
  }

  /// The item with this key, a fresh one at the end, or nullptr where there are too many.
  template <typename Key, typename Item>
  Item* find_or_add(Key key, std::map<Key, size_t>* places, std::vector<Item>* items) {
    const auto found = places->find(key);
    if (found != places->end()) return &(*items)[found->second];
    if (items->size() >= kMaxListed) {
      ++facts_->unlisted;
      return nullptr;
    }
    places->emplace(std::move(key), items->size());
    return &items->emplace_back();
  }

  static void keep(std::set<std::string>* in, const std::string& value) {
    if (!value.empty() && in->size() < kMaxOfOne) in->insert(value);
  }
  static void count(std::map<std::string, uint64_t>* in, const std::string& value) {
    if (in->size() < kMaxOfOne || in->contains(value)) ++(*in)[value];
  }

  Destination* destination(const std::string& name, uint32_t port) {
    Destination* to = find_or_add({name, port}, &destinations_, &facts_->destinations);
    if (to == nullptr || to->first_ns != 0) return to;
    to->name = name;
    to->port = port;
    to->first_ns = to->last_ns = event_->real_ns;
    return to;
  }
  /// Of a flow whose beginning was seen; with its name alone where that was not.
  Destination* destination_of(uint64_t flow, const std::string& name) {
    const auto found = flows_.find(flow);
    if (found == flows_.end()) return destination(name, 0);
    return destination(found->second.first, found->second.second);
  }

  static constexpr size_t kMaxFlows = 1'000'000;
  NetFacts* facts_;
  const events::Event* event_ = nullptr;
  std::map<Place, size_t> destinations_, addresses_;
  std::map<std::pair<std::string, std::string>, size_t> names_;
  std::map<uint64_t, Place> flows_;
};

}  // namespace

NetFacts read_net_facts(const segments::RecordReader& record) {
  NetFacts facts;
  Gatherer gatherer(&facts);
  const auto summary = record.for_each([&gatherer](const events::Event& event) {
    gatherer.take(event);
    return true;
  });
  if (!summary.ok()) facts.damage = to_string(summary.error());
  return facts;
}

}  // namespace carrel::review
