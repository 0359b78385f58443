#include "launcher/gateway/anomaly/anomalies.h"

#include <algorithm>

namespace carrel::gateway {

using anomaly::Flag;

bool OnceInAWhile::may_tell(std::string_view what, const std::string& name, uint64_t now_ns) {
  std::erase_if(told_ns_, [now_ns](const auto& each) {
    return anomaly::since(now_ns, each.second) >= anomaly::kTenMinutesNs;
  });
  const auto of_it = std::count_if(told_ns_.begin(), told_ns_.end(),
                                   [what](const auto& each) { return each.first.first == what; });
  if (told_ns_.size() >= kMostKept || static_cast<size_t>(of_it) >= kMostOfOne) return false;
  return told_ns_.try_emplace({std::string(what), name}, now_ns).second;
}

Anomalies::Place& Anomalies::place(const std::string& name) {
  const auto known = destinations_.find(name);
  if (known != destinations_.end()) return *known;
  const bool full = destinations_.size() >= kMostDestinations;
  return *destinations_.try_emplace(full ? "" : name).first;
}

Anomalies::Requests& Anomalies::requests(Place& place) {
  auto& requests = place.second.requests;
  if (requests == nullptr) requests = std::make_unique<Requests>();
  return *requests;
}

void Anomalies::flag(std::optional<Flag> flag, const std::string& name, uint64_t now_ns) {
  if (!flag.has_value() || !once_.may_tell(flag->what, name, now_ns)) return;
  if (tell) tell({std::string(flag->what), name, std::move(flag->detail)});
}

Anomalies::Moved& Anomalies::moved(const std::string& name, bool only_reads) {
  Destination& destination = place(name).second;
  destination.only_reads = destination.only_reads && only_reads;
  return destination.moved;
}

void Anomalies::asked(const std::string& name, uint64_t now_ns) {
  Place& at = place(name);
  flag(requests(at).beacon.add(now_ns), at.first, now_ns);
}

void Anomalies::target(const std::string& name, std::string_view path, std::string_view query,
                       uint64_t now_ns) {
  Place& at = place(name);
  Requests& requests = Anomalies::requests(at);
  flag(requests.targets.add(path.size() + query.size(), now_ns), at.first, now_ns);
  flag(requests.values.add(query, now_ns), at.first, now_ns);
}

void Anomalies::not_found(const std::string& name, std::string_view target, uint64_t now_ns) {
  Place& at = place(name);
  flag(requests(at).scan.add(target, now_ns), at.first, now_ns);
}

void Anomalies::denied_name(std::string_view name, uint64_t now_ns) {
  for (auto& found : names_.add(name, now_ns))
    flag(std::move(found.flag), found.name, now_ns);
}

void Anomalies::too_many_names(unsigned most_a_second, uint64_t now_ns) {
  flag(Flag{"rate", "more than " + std::to_string(most_a_second) +
                        " questions a second for names that no rule has: the others were answered "
                        "with a failure"},
       "", now_ns);
}

void Anomalies::addresses_full(uint64_t now_ns) {
  flag(Flag{"full", "every address that stands for a name is given"}, "", now_ns);
}

void Anomalies::close(Place& place, uint64_t periods, uint64_t now_ns) {
  constexpr uint64_t kForgotten = 256;  // silent periods after which nothing is left of the mean
  Destination& at = place.second;
  Moved moved = std::exchange(at.moved, {});
  for (uint64_t i = 0; i < std::min(periods, kForgotten); ++i) {
    for (Flag& each : at.volume.close(moved.up, moved.down, at.only_reads))
      flag(std::move(each), place.first, now_ns);
    moved = {};
  }
}

void Anomalies::tick(uint64_t now_ns) {
  if (began_ns_ == 0) began_ns_ = now_ns;
  const uint64_t periods = anomaly::since(now_ns, began_ns_) / anomaly::kPeriodNs;
  if (periods == 0) return;
  began_ns_ += periods * anomaly::kPeriodNs;
  for (Place& place : destinations_)
    close(place, periods, now_ns);
}

void Anomalies::forget() {
  for (auto& [name, destination] : destinations_) {
    const bool only_reads = destination.only_reads;
    destination = {};
    destination.only_reads = only_reads;
  }
  names_ = {};
  once_ = {};
  began_ns_ = 0;
}

}  // namespace carrel::gateway
