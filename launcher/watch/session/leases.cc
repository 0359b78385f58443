#include "launcher/watch/session/leases.h"

#include <algorithm>

#include "profiles/base/text.h"

namespace carrel::session {
namespace {

// After a refusal; the broker takes no question within a second of one.
constexpr uint64_t kAgainS = 5;
constexpr uint64_t kLeastAgainS = 2;

/// Half of its life, rounded up so that the broker never finds it early; a lease that is over when
/// it comes is not asked for again and again within one second.
uint64_t renewal_time(const Lease& lease) {
  const uint64_t life = lease.not_after > lease.issued ? lease.not_after - lease.issued : 0;
  return lease.issued + std::max<uint64_t>(1, (life + 1) / 2);
}

}  // namespace

uint64_t Leases::Slot::due_s() const {
  if (!held.has_value()) return 0;
  if (again) return again_s;
  return again_s != 0 ? again_s : renewal_time(*held);
}

bool Leases::Slot::is_last() const {
  return !again && until_s != 0 && held.has_value() && held->not_after >= until_s;
}

Leases::Leases(const std::vector<std::string>& names) {
  for (const std::string& name : names)
    slots_.emplace(name, Slot{});
}

std::vector<Leases::Ask> Leases::due(uint64_t now_s) {
  std::vector<Ask> asks;
  for (auto& [name, slot] : slots_) {
    if (slot.asked || slot.is_last() || now_s < slot.due_s() || late_.contains(name)) continue;
    slot.asked = true;
    asks.push_back({name, slot.held.has_value(), slot.again});
  }
  return asks;
}

Status Leases::take(Lease lease, bool renewal) {
  const auto found = slots_.find(lease.name);
  if (found == slots_.end() || !found->second.asked || renewal != found->second.held.has_value()) {
    return Error{"a credential came that was not asked for"};
  }
  found->second = Slot{.held = std::move(lease), .until_s = found->second.until_s};
  return Done{};
}

void Leases::ask_again(const std::string& name) {
  const auto found = slots_.find(name);
  if (found != slots_.end() && found->second.held.has_value()) found->second.again = true;
}

void Leases::grant(const std::string& name, uint64_t until_s) {
  slots_.insert_or_assign(name, Slot{.held = std::nullopt, .until_s = until_s});
}

std::optional<Lease> Leases::end(const std::string& name) {
  const auto found = slots_.find(name);
  if (found == slots_.end()) return std::nullopt;
  if (found->second.asked) late_.insert(name);
  std::optional<Lease> held = std::move(found->second.held);
  slots_.erase(found);
  return held;
}

bool Leases::is_granted(const std::string& name) const {
  const auto found = slots_.find(name);
  return found != slots_.end() && found->second.until_s != 0;
}

Status Leases::refuse(const std::string& name, const std::string& why, uint64_t now_s) {
  const auto found = slots_.find(name);
  if (found == slots_.end() || !found->second.asked) {
    return Error{"a credential was refused that was not asked for"};
  }
  Slot& slot = found->second;
  slot.asked = false;
  // What the broker says of the credential itself names it already.
  const std::string named = "credential " + quoted(name) + ": ";
  if (!slot.held.has_value()) return Error{why.starts_with(named) ? why : named + why};
  if (now_s >= slot.held->not_after) {
    return Error{"credential " + quoted(name) + " has ended and could not be renewed: " + why};
  }
  slot.again_s = std::max(std::min(now_s + kAgainS, slot.held->not_after), now_s + kLeastAgainS);
  return Done{};
}

bool Leases::complete() const {
  return std::all_of(slots_.begin(), slots_.end(),
                     [](const auto& slot) { return slot.second.held.has_value(); });
}

std::optional<uint64_t> Leases::next_due_s() const {
  std::optional<uint64_t> next;
  for (const auto& [name, slot] : slots_) {
    if (slot.asked || !slot.held.has_value() || slot.is_last()) continue;
    const uint64_t when = slot.due_s();
    if (!next.has_value() || when < *next) next = when;
  }
  return next;
}

std::vector<Lease> Leases::held() const {
  std::vector<Lease> held;
  for (const auto& [name, slot] : slots_) {
    if (slot.held.has_value()) held.push_back(*slot.held);
  }
  return held;
}

std::vector<Lease> Leases::end() {
  std::vector<Lease> all = held();
  slots_.clear();
  return all;
}

}  // namespace carrel::session
