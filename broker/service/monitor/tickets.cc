#include "broker/service/monitor/tickets.h"

#include <cerrno>

#include "broker/record/evidence/sha256.h"

namespace carrel::monitor {
namespace {

constexpr size_t kTicketBytes = 32;

std::string key_of(const std::string& ticket) {
  return std::string(evidence::as_view(evidence::sha256(ticket)));
}

}  // namespace

void Tickets::forget_old(uint64_t now_ns) {
  std::erase_if(waiting_,
                [now_ns](const auto& each) { return each.second.not_after_ns <= now_ns; });
}

Result<std::string> Tickets::issue(Granted granted, uid_t uid, const World& world) {
  const uint64_t now_ns = world.now_ns();
  forget_old(now_ns);
  if (waiting_.size() >= kMaxTickets) return Error{"too many openings at once", EAGAIN};
  ASSIGN_OR_RETURN(std::string ticket, world.random(kTicketBytes));
  waiting_[key_of(ticket)] = Waiting{std::move(granted), uid, now_ns + kTicketLifeNs};
  return ticket;
}

Result<Granted> Tickets::redeem(const std::string& ticket, uid_t uid, uint64_t now_ns) {
  forget_old(now_ns);
  const auto found = waiting_.find(key_of(ticket));
  if (found == waiting_.end()) return Error{"no such ticket", EPERM};
  Waiting taken = std::move(found->second);
  waiting_.erase(found);
  if (taken.uid != uid) return Error{"no such ticket", EPERM};
  return std::move(taken.granted);
}

}  // namespace carrel::monitor
