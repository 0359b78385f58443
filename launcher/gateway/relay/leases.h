#pragma once
// The credentials that the gateway holds for its session, and puts into requests: none of them is
// ever inside.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/wire/protocol/messages.pb.h"
#include "launcher/gateway/http/secrets.h"
#include "launcher/gateway/tls/upstream.h"
#include "profiles/base/result.h"
#include "profiles/base/secret.h"

namespace carrel::gateway {

struct Lease {
  std::string id;
  Secret secret;                                   // of the kind header
  std::shared_ptr<const http::SecretForms> forms;  // what no answer may hold
  std::optional<ClientCertificate> certificate;    // of the kind x509
  uint64_t until_boot_ns = 0;  // CLOCK_BOOTTIME: a step of the clock moves no end
};

/// The same moment on both clocks, in nanoseconds: since 1970, and CLOCK_BOOTTIME.
struct BothClocks {
  uint64_t real_ns = 0;
  uint64_t boot_ns = 0;
  static BothClocks now();
};

class Leases {
 public:
  /// What the session says of one: there, renewed, or ended. An Error for one that cannot be used,
  /// or has ended by then; it is then not there.
  Status take(const protocol::GatewayLease& told, BothClocks now);
  /// The names of those that have ended by now though nobody said so: a broker that does not answer
  /// renews nothing, and ends nothing. They are not there any more.
  std::vector<std::string> over(BothClocks now);
  /// Null: there is none now.
  [[nodiscard]] const Lease* find(const std::string& name) const;

 private:
  std::map<std::string, Lease> held_;
};

}  // namespace carrel::gateway
