#pragma once
// What an answered opening is worth: 32 random bytes that the same user may turn in once, soon.

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>

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

/// Tickets that nobody has turned in yet. Bounded; what is too old is forgotten.
class Tickets {
 public:
  /// A ticket for this uid. Refused while kMaxTickets are out.
  Result<std::string> issue(Granted granted, uid_t uid, const World& world);
  /// What it stands for. An Error without detail for an unknown, used or old ticket and for another
  /// uid's; a ticket turned in by another uid is used up.
  Result<Granted> redeem(const std::string& ticket, uid_t uid, uint64_t now_ns);
  [[nodiscard]] size_t size() const { return waiting_.size(); }

 private:
  struct Waiting {
    Granted granted;
    uid_t uid = 0;
    uint64_t not_after_ns = 0;
  };
  void forget_old(uint64_t now_ns);
  // Keyed by the SHA-256 of the ticket, so that a look-up's time says nothing about the ticket.
  std::map<std::string, Waiting> waiting_;
};

}  // namespace carrel::monitor
