#include "launcher/watch/session/lease_keeper.h"

#include <utility>

#include "profiles/base/text.h"
#include "profiles/base/wipe.h"

namespace carrel::session {
namespace {

events::Credential event_of(const char* action, const Lease& lease) {
  return {action, lease.name, lease.id, lease.audience, lease.not_after};
}

/// Of the kinds that never come into a workspace.
bool is_outside(std::string_view kind) {
  return kind == "header" || kind == "x509";
}

}  // namespace

void LeaseKeeper::ask_due(uint64_t now_s) {
  for (const Leases::Ask& ask : leases_.due(now_s)) {
    protocol::MintCredential message;
    message.set_name(ask.name);
    message.set_renewal(ask.renewal);
    message.set_again(ask.again);
    record_.send(protocol::Type::kMintCredential, message.SerializeAsString());
  }
}

Status LeaseKeeper::take(protocol::Message& answer, uint64_t now_s) {
  auto minted = protocol::parse_message<protocol::Minted>(answer);
  wipe(answer.body);
  if (!minted.ok()) return minted.take_error();
  protocol::Minted taken = minted.take();
  Status done = take_lease(taken, now_s);
  for (std::string* bytes :
       {taken.mutable_token(), taken.mutable_secret(), taken.mutable_private_key()})
    wipe(*bytes);
  return done;
}

Status LeaseKeeper::refuse(const protocol::Minted& minted, uint64_t now_s) {
  Status refused = leases_.refuse(minted.name(), quoted(minted.error()), now_s);
  if (refused.ok() || !leases_.is_granted(minted.name())) return refused;
  failed_.push_back({minted.name(), quoted(minted.error())});
  return Done{};
}

Status LeaseKeeper::take_lease(const protocol::Minted& minted, uint64_t now_s) {
  if (leases_.drop_late(minted.name())) return Done{};
  if (!minted.error().empty()) return refuse(minted, now_s);
  const Lease lease{minted.name(),   minted.lease(),     minted.audience(),
                    minted.issued(), minted.not_after(), minted.kind()};
  RETURN_IF_ERROR(leases_.take(lease, minted.renewal()));
  RETURN_IF_ERROR(deliver(minted));
  record_.add(event_of(minted.renewal() ? "renewed" : "issued", lease));
  return Done{};
}

Status LeaseKeeper::deliver(const protocol::Minted& minted) {
  if (minted.kind().empty() || minted.kind() == "jwt") {
    return folder_.write(minted.name(), minted.token(), minted.jwks());
  }
  if (minted.kind() == "file") return folder_.write_secret(minted.name(), minted.secret());
  const bool outside = is_outside(minted.kind());
  if (outside && sink_.take) return sink_.take(minted);
  return Error{"credential " + quoted(minted.name()) + " of kind " + quoted(minted.kind()) +
               (outside ? ": this session has no gateway to take it" : " is not known")};
}

/// The sink has been told before.
Status LeaseKeeper::take_back(const Lease& lease) {
  if (!is_outside(lease.kind)) RETURN_IF_ERROR(folder_.remove(lease.name));
  record_.add(event_of("ended", lease));
  return Done{};
}

void LeaseKeeper::ask_again() {
  for (const Lease& lease : leases_.held()) {
    if (is_outside(lease.kind)) leases_.ask_again(lease.name);
  }
}

Status LeaseKeeper::end_granted(const std::string& name) {
  const std::optional<Lease> lease = leases_.end(name);
  if (!lease.has_value()) return Done{};
  if (is_outside(lease->kind) && sink_.end) sink_.end(name);
  return take_back(*lease);
}

Status LeaseKeeper::end() {
  const std::vector<Lease> leases = leases_.end();
  for (const Lease& lease : leases) {
    if (is_outside(lease.kind) && sink_.end) sink_.end(lease.name);
  }
  Status first = Done{};
  for (const Lease& lease : leases) {
    Status removed = take_back(lease);
    if (!removed.ok() && first.ok()) first = std::move(removed);
  }
  return first;
}

}  // namespace carrel::session
