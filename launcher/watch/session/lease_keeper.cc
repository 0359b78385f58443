#include "launcher/watch/session/lease_keeper.h"

#include <utility>

#include "broker/wire/protocol/messages.pb.h"

namespace carrel::session {
namespace {

events::Credential event_of(const char* action, const Lease& lease) {
  return {action, lease.name, lease.id, lease.audience, lease.not_after};
}

}  // namespace

void LeaseKeeper::ask_due(uint64_t now_s) {
  for (const Leases::Ask& ask : leases_.due(now_s)) {
    protocol::MintCredential message;
    message.set_name(ask.name);
    message.set_renewal(ask.renewal);
    record_.send(protocol::Type::kMintCredential, message.SerializeAsString());
  }
}

Status LeaseKeeper::take(const protocol::Message& answer) {
  ASSIGN_OR_RETURN(const protocol::Minted minted,
                   protocol::parse_message<protocol::Minted>(answer));
  const Lease lease{minted.name(), minted.lease(), minted.audience(), minted.issued(),
                    minted.not_after()};
  RETURN_IF_ERROR(leases_.take(lease, minted.renewal()));
  RETURN_IF_ERROR(folder_.write(lease.name, minted.token(), minted.jwks()));
  record_.add(event_of(minted.renewal() ? "renewed" : "issued", lease));
  return Done{};
}

Status LeaseKeeper::end() {
  Status first = Done{};
  for (const Lease& lease : leases_.end()) {
    Status removed = folder_.remove(lease.name);
    if (removed.ok()) {
      record_.add(event_of("ended", lease));
    } else if (first.ok()) {
      first = std::move(removed);
    }
  }
  return first;
}

}  // namespace carrel::session
