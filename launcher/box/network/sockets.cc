#include "launcher/box/network/sockets.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "launcher/box/network/log_socket.h"
#include "launcher/box/network/steering.h"

namespace carrel::network {
namespace {

constexpr int kBacklog = 1024;

Status switch_on(const UniqueFd& socket, int level, int option, const char* what) {
  const int yes = 1;
  if (setsockopt(socket.get(), level, option, &yes, sizeof yes) != 0) return errno_error(what);
  return Done{};
}

Result<UniqueFd> new_socket(int family, int type) {
  UniqueFd made(socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!made.valid()) return errno_error("make the gateway's socket");
  // A listener without it would make its connections' ports unusable for servers inside.
  RETURN_IF_ERROR(switch_on(made, SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR"));
  if (family == AF_INET6) {
    RETURN_IF_ERROR(switch_on(made, IPPROTO_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY"));
  }
  return made;
}

Status bind_to(const UniqueFd& socket, int family, const char* address, uint16_t port) {
  if (family == AF_INET) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    (void)inet_pton(AF_INET, address, &to.sin_addr);
    if (bind(socket.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0) return Done{};
  } else {
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    to.sin6_port = htons(port);
    (void)inet_pton(AF_INET6, address, &to.sin6_addr);
    if (bind(socket.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0) return Done{};
  }
  return errno_error(std::string("bind the gateway's socket to ") + address);
}

Result<UniqueFd> new_listener() {
  ASSIGN_OR_RETURN(UniqueFd listener, new_socket(AF_INET, SOCK_STREAM));
  RETURN_IF_ERROR(switch_on(listener, IPPROTO_IP, IP_TRANSPARENT, "IP_TRANSPARENT"));
  RETURN_IF_ERROR(bind_to(listener, AF_INET, kListenerV4, kListenerPort));
  if (listen(listener.get(), kBacklog) != 0) return errno_error("listen for connections");
  return listener;
}

Result<UniqueFd> new_dns(int family, int type) {
  ASSIGN_OR_RETURN(UniqueFd made, new_socket(family, type));
  RETURN_IF_ERROR(bind_to(made, family, family == AF_INET ? "0.0.0.0" : "::", kDnsPort));
  if (type == SOCK_STREAM) {
    if (listen(made.get(), kBacklog) != 0) return errno_error("listen for queries");
    return made;
  }
  if (family == AF_INET) {
    RETURN_IF_ERROR(switch_on(made, IPPROTO_IP, IP_PKTINFO, "IP_PKTINFO"));
    return made;
  }
  RETURN_IF_ERROR(switch_on(made, IPPROTO_IPV6, IPV6_RECVPKTINFO, "IPV6_RECVPKTINFO"));
  // To answer from any address that was asked: sendmsg(2) is EINVAL without it.
  RETURN_IF_ERROR(switch_on(made, IPPROTO_IPV6, IPV6_FREEBIND, "IPV6_FREEBIND"));
  return made;
}

}  // namespace

std::vector<int> GatewaySockets::fds() const {
  return {tcp.get(),      dns_udp4.get(), dns_udp6.get(), dns_tcp4.get(),
          dns_tcp6.get(), log.get(),      diag.get()};
}

Result<GatewaySockets> make_gateway_sockets() {
  GatewaySockets made;
  ASSIGN_OR_RETURN(made.tcp, new_listener());
  ASSIGN_OR_RETURN(made.dns_udp4, new_dns(AF_INET, SOCK_DGRAM));
  ASSIGN_OR_RETURN(made.dns_udp6, new_dns(AF_INET6, SOCK_DGRAM));
  ASSIGN_OR_RETURN(made.dns_tcp4, new_dns(AF_INET, SOCK_STREAM));
  ASSIGN_OR_RETURN(made.dns_tcp6, new_dns(AF_INET6, SOCK_STREAM));
  ASSIGN_OR_RETURN(made.log, new_log_socket(kLogGroup));
  made.diag.reset(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG));
  if (!made.diag.valid()) return errno_error("open sock_diag");
  return made;
}

}  // namespace carrel::network
