#pragma once
// The gateway's sockets in a workspace's network namespace: made by somebody who may, before
// anything runs there, and handed to the gateway, which stays outside (unix(7), SCM_RIGHTS).

#include <vector>

#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::network {

struct GatewaySockets {
  UniqueFd tcp;  // listener of connections to any synthetic address (IP_TRANSPARENT, ip(7))
  UniqueFd dns_udp4, dns_udp6;  // port 53 of every address, told which one was asked
  UniqueFd dns_tcp4, dns_tcp6;
  UniqueFd log;   // NFLOG group 7: a message for each refused packet
  UniqueFd diag;  // NETLINK_SOCK_DIAG (sock_diag(7)): which socket a connection is of
  /// Borrowed, in this order.
  [[nodiscard]] std::vector<int> fds() const;
  static constexpr size_t kCount = 7;
};

/// In the caller's network namespace, whose routes and rules are there. Needs CAP_NET_ADMIN and
/// CAP_NET_BIND_SERVICE over it.
Result<GatewaySockets> make_gateway_sockets();

}  // namespace carrel::network
