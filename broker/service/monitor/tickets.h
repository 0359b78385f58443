#pragma once
// What an answered opening is worth: a signed ticket that the same user may turn in once, soon.

#include <sys/types.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "broker/service/credentials/issuer.h"
#include "broker/service/store/catalogue.h"
#include "broker/wire/protocol/messages.pb.h"
#include "broker/wire/ticket/ticket.h"
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
/// Of one uid: whoever asks and asks takes nobody else's place.
inline constexpr size_t kMaxTicketsOfOne = 32;

/// Where a ticket is kept: by its SHA-256, so that a look-up's time says nothing about it.
std::string ticket_key(const std::string& ticket);

/// Tickets that nobody has turned in yet. Bounded; what is too old is forgotten.
template <typename What>
class TicketBox {
 public:
  explicit TicketBox(size_t most_of_one = kMaxTickets) : most_of_one_(most_of_one) {}

  /// A signed ticket for the uid of `claims`, whose id and end are set here. Refused while
  /// kMaxTickets are out, or too many of this uid's.
  Result<std::string> issue(What what, ticket::Claims claims, const evidence::SigningKey& key,
                            const World& world) {
    const uint64_t now_ns = world.now_ns();
    forget_old(now_ns);
    const auto own = std::count_if(waiting_.begin(), waiting_.end(), [&claims](const auto& each) {
      return each.second.uid == claims.uid;
    });
    if (waiting_.size() >= kMaxTickets || static_cast<size_t>(own) >= most_of_one_) {
      return Error{"too many openings at once", EAGAIN};
    }
    claims.not_after_ns = now_ns + kTicketLifeNs;
    ASSIGN_OR_RETURN(claims.id, world.random(ticket::kIdBytes));
    ASSIGN_OR_RETURN(std::string ticket, ticket::make_ticket(claims, key));
    waiting_[ticket_key(ticket)] = Waiting{std::move(what), claims.uid, claims.not_after_ns};
    return ticket;
  }
  /// What it stands for. An Error that does not tell them apart for an unknown, used or old ticket
  /// and for another uid's; a ticket turned in by another uid is used up.
  Result<What> redeem(const std::string& ticket, uid_t uid, uint64_t now_ns) {
    const Error none{"the ticket was turned in before, or is too old: ask again", EPERM};
    forget_old(now_ns);
    const auto found = waiting_.find(ticket_key(ticket));
    if (found == waiting_.end()) return none;
    Waiting taken = std::move(found->second);
    waiting_.erase(found);
    if (taken.uid != uid) return none;
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
  size_t most_of_one_;
  std::map<std::string, Waiting> waiting_;
};

using Tickets = TicketBox<Granted>;

}  // namespace carrel::monitor
