#include "launcher/gateway/relay/leases.h"

#include <cerrno>
#include <utility>

#include "profiles/base/text.h"

namespace carrel::gateway {

Status Leases::take(const protocol::GatewayLease& told) {
  held_.erase(told.name());
  if (told.ended()) return Done{};
  Lease lease;
  lease.id = told.lease();
  if (told.kind() == "header") {
    lease.secret = Secret(told.secret());
    ASSIGN_OR_RETURN(lease.forms, http::SecretForms::create(lease.secret));
  } else if (told.kind() == "x509") {
    lease.certificate.emplace();
    lease.certificate->chain_pem = told.certificate();
    lease.certificate->key_pem = Secret(told.private_key());
  } else {
    return Error{"a lease of the kind " + quoted(told.kind()) + " is not the gateway's", EINVAL};
  }
  held_.insert_or_assign(told.name(), std::move(lease));
  return Done{};
}

const Lease* Leases::find(const std::string& name) const {
  const auto found = held_.find(name);
  return found == held_.end() ? nullptr : &found->second;
}

}  // namespace carrel::gateway
