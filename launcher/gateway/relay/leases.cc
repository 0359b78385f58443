#include "launcher/gateway/relay/leases.h"

#include <time.h>

#include <cerrno>
#include <utility>

#include "profiles/base/text.h"

namespace carrel::gateway {
namespace {

constexpr uint64_t kNsPerS = 1'000'000'000;

uint64_t read_clock(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * kNsPerS + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

BothClocks BothClocks::now() {
  return {read_clock(CLOCK_REALTIME), read_clock(CLOCK_BOOTTIME)};
}

Status Leases::take(const protocol::GatewayLease& told, BothClocks now) {
  held_.erase(told.name());
  if (told.ended()) return Done{};
  if (told.not_after() > UINT64_MAX / kNsPerS || told.not_after() * kNsPerS <= now.real_ns) {
    return Error{"the lease " + quoted(told.name()) + " has ended already", EINVAL};
  }
  Lease lease;
  lease.until_boot_ns = now.boot_ns + (told.not_after() * kNsPerS - now.real_ns);
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

std::vector<std::string> Leases::over(BothClocks now) {
  std::vector<std::string> names;
  std::erase_if(held_, [&](const auto& each) {
    if (now.boot_ns < each.second.until_boot_ns) return false;
    names.push_back(each.first);
    return true;
  });
  return names;
}

const Lease* Leases::find(const std::string& name) const {
  const auto found = held_.find(name);
  return found == held_.end() ? nullptr : &found->second;
}

}  // namespace carrel::gateway
