#pragma once
// The credentials that the gateway holds for its session, and puts into requests: none of them is
// ever inside.

#include <map>
#include <memory>
#include <optional>
#include <string>

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
};

class Leases {
 public:
  /// What the session says of one: there, renewed, or ended. An Error for one that cannot be used;
  /// it is then not there.
  Status take(const protocol::GatewayLease& told);
  /// Null: there is none now.
  [[nodiscard]] const Lease* find(const std::string& name) const;

 private:
  std::map<std::string, Lease> held_;
};

}  // namespace carrel::gateway
