#include "launcher/watch/session/flow_join.h"

#include <variant>

namespace carrel::session {
namespace {

/// The connection that an event is about; 0: none, or one that is still to come.
struct FlowOf {
  uint64_t operator()(const events::NetOpen& event) const { return event.flow; }
  uint64_t operator()(const events::NetClose& event) const { return event.flow; }
  uint64_t operator()(const events::NetBudget& event) const { return event.flow; }
  uint64_t operator()(const events::TlsHello& event) const { return event.flow; }
  uint64_t operator()(const events::HttpRequest& event) const { return event.flow; }
  template <typename Other>
  uint64_t operator()(const Other&) const {
    return 0;
  }
};

}  // namespace

void FlowJoin::connects(uint64_t cookie, Owner owner) {
  if (cookie == 0) return;
  const auto known = sockets_.find(cookie);
  if (known != sockets_.end()) {
    known->second.one = known->second.one && known->second.owner == owner;
    return;
  }
  const uint64_t number = next_number_++;
  sockets_[cookie] = Socket{std::move(owner), true, number};
  connected_.emplace_back(cookie, number);
  if (connected_.size() <= kMostSockets) return;
  const auto oldest = sockets_.find(connected_.front().first);
  if (oldest != sockets_.end() && oldest->second.number == connected_.front().second) {
    sockets_.erase(oldest);
  }
  connected_.pop_front();
}

bool FlowJoin::must_wait(const NetworkEvent& told) {
  return told.cookie != 0 && std::holds_alternative<events::NetOpen>(told.event.data);
}

void FlowJoin::tell(NetworkEvent told, uint64_t mark, uint64_t now_ns) {
  held_.push_back({std::move(told), mark, now_ns});
}

std::vector<events::Event> FlowJoin::take(const Passed& passed, uint64_t now_ns) {
  std::vector<events::Event> out;
  while (!held_.empty()) {
    Held& first = held_.front();
    const bool ready = !must_wait(first.told) || passed(first.mark);
    if (!ready && now_ns < first.since_ns + kPatienceNs) break;
    if (!ready) sockets_.erase(first.told.cookie);  // another may have connected it too, unread
    if (auto owner = owner_of(first.told)) {
      first.told.event.process = std::move(owner->process);
      first.told.event.channel = std::move(owner->channel);
    }
    out.push_back(std::move(first.told.event));
    held_.pop_front();
  }
  return out;
}

void FlowJoin::wait_from(uint64_t now_ns) {
  for (Held& each : held_)
    each.since_ns = now_ns;
}

std::optional<uint64_t> FlowJoin::until_ns() const {
  if (held_.empty()) return std::nullopt;
  return held_.front().since_ns + kPatienceNs;
}

/// A socket is one connection's: connected again, it is told of again.
std::optional<FlowJoin::Owner> FlowJoin::take_socket(uint64_t cookie) {
  auto found = sockets_.extract(cookie);
  if (found.empty() || !found.mapped().one) return std::nullopt;
  return std::move(found.mapped().owner);
}

/// What is denied has no end that would be told of.
std::optional<FlowJoin::Owner> FlowJoin::opened(const NetworkEvent& told, uint64_t flow) {
  flows_.erase(flow);
  std::optional<Owner> owner = take_socket(told.cookie);
  const bool goes_on = flow != 0 && told.event.verdict != events::Verdict::kDenied;
  if (owner.has_value() && goes_on && flows_.size() < kMostFlows) {
    flows_[flow] = Flow{told.cookie, *owner};
  }
  return owner;
}

std::optional<FlowJoin::Owner> FlowJoin::owner_of(const NetworkEvent& told) {
  const uint64_t flow = std::visit(FlowOf{}, told.event.data);
  if (std::holds_alternative<events::NetOpen>(told.event.data)) return opened(told, flow);
  const auto known = flows_.find(flow);
  if (flow == 0 || known == flows_.end() || known->second.cookie != told.cookie) {
    return std::nullopt;
  }
  if (!std::holds_alternative<events::NetClose>(told.event.data)) return known->second.owner;
  Owner owner = std::move(known->second.owner);
  flows_.erase(known);
  return owner;
}

}  // namespace carrel::session
