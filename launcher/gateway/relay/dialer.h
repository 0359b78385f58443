#pragma once
// From a name to a connected socket: resolved once, each address judged, that very address dialled;
// or by the company's own proxy, which then resolves.

#include <string>
#include <vector>

#include "launcher/gateway/dial/address.h"
#include "launcher/gateway/relay/resolver.h"
#include "launcher/gateway/relay/task.h"
#include "profiles/base/result.h"
#include "profiles/model/profile.h"

namespace carrel::gateway {

struct Dialled {
  UniqueFd socket;       // non-blocking, with SO_LINGER {1, 0}: its death is a reset
  std::string upstream;  // "192.0.2.9:443"
};

class Dialer {
 public:
  /// `proxy` "" or "192.0.2.1:3128". References outlive this.
  Dialer(Resolver& resolver, HostNetwork host, std::string proxy)
      : resolver_(resolver), host_(std::move(host)), proxy_(std::move(proxy)) {}

  /// An Error's sentence says which address was refused, and why.
  Task<Result<Dialled>> dial(Loop& loop, const model::Network& network, uint16_t port);

 private:
  Task<Result<Dialled>> dial_proxy(Loop& loop, const std::string& host, uint16_t port);
  Resolver& resolver_;
  HostNetwork host_;
  std::string proxy_;
};

/// Addresses of the host's own interfaces (getifaddrs(3)).
Result<std::vector<Address>> own_addresses();

/// close(2) of such a socket is a reset (socket(7), SO_LINGER); or again an orderly end.
void end_by_reset(int fd, bool reset);

}  // namespace carrel::gateway
