#pragma once
// What an answered opening is worth: 32 random bytes that the same user may turn in once, soon.

#include <sys/types.h>

#include <cerrno>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "broker/service/credentials/issuer.h"
#include "broker/service/store/catalogue.h"
#include "broker/wire/protocol/messages.pb.h"
#include "profiles/base/result.h"
#include "profiles/base/world.h"

namespace carrel::monitor {

/// What the broker granted: everything that a session needs to know about itself.
struct Granted {
  protocol::SessionSpec spec;
  credentials::Holder holder;
  store::SessionRow row;
};

inline constexpr uint64_t kTicketLifeNs = 30ULL * 1'000'000'000;
inline constexpr size_t kMaxTickets = 256;

inline constexpr size_t kTicketBytes = 32;

/// Where a ticket is kept: by its SHA-256, so that a look-up's time says nothing about it.
std::string ticket_key(const std::string& ticket);

/// Tickets that nobody has turned in yet. Bounded; what is too old is forgotten.
template <typename What>
class TicketBox {
 public:
  /// A ticket for this uid. Refused while kMaxTickets are out.
  Result<std::string> issue(What what, uid_t uid, const World& world) {
    const uint64_t now_ns = world.now_ns();
    forget_old(now_ns);
    if (waiting_.size() >= kMaxTickets) return Error{"too many openings at once", EAGAIN};
    ASSIGN_OR_RETURN(std::string ticket, world.random(kTicketBytes));
    waiting_[ticket_key(ticket)] = Waiting{std::move(what), uid, now_ns + kTicketLifeNs};
    return ticket;
  }
  /// What it stands for. An Error without detail for an unknown, used or old ticket and for another
  /// uid's; a ticket turned in by another uid is used up.
  Result<What> redeem(const std::string& ticket, uid_t uid, uint64_t now_ns) {
    forget_old(now_ns);
    const auto found = waiting_.find(ticket_key(ticket));
    if (found == waiting_.end()) return Error{"no such ticket", EPERM};
    Waiting taken = std::move(found->second);
    waiting_.erase(found);
    if (taken.uid != uid) return Error{"no such ticket", EPERM};
    return std::move(taken.what);
  }
  [[nodiscard]] size_t size() const { return waiting_.size(); }

 private:
  struct Waiting {
    What what;
    uid_t uid = 0;
    uint64_t not_after_ns = 0;
  };
  void forget_old(uint64_t now_ns) {
    std::erase_if(waiting_,
                  [now_ns](const auto& each) { return each.second.not_after_ns <= now_ns; });
  }
  std::map<std::string, Waiting> waiting_;
};

using Tickets = TicketBox<Granted>;

}  // namespace carrel::monitor
