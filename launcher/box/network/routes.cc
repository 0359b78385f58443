#include "launcher/box/network/routes.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <memory>

#include "launcher/box/network/steering.h"

namespace carrel::network {
namespace {

struct Close {
  void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};
using Socket = std::unique_ptr<mnl_socket, Close>;

/// An address in network byte order.
struct Bytes {
  std::array<unsigned char, 16> all{};
  size_t size = 0;
};

Bytes bytes_of(int family, const char* text) {
  Bytes out;
  out.size = family == AF_INET ? 4 : 16;
  (void)inet_pton(family, text, out.all.data());
  return out;
}

/// Sends one request and reads its acknowledgement.
Status ask(const Socket& socket, nlmsghdr* request, const char* what) {
  request->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
  request->nlmsg_seq = 1;
  if (mnl_socket_sendto(socket.get(), request, request->nlmsg_len) < 0) return errno_error(what);
  std::array<char, 8192> answer{};
  const ssize_t got = mnl_socket_recvfrom(socket.get(), answer.data(), answer.size());
  if (got < 0) return errno_error(what);
  if (mnl_cb_run(answer.data(), static_cast<size_t>(got), 1, mnl_socket_get_portid(socket.get()),
                 nullptr, nullptr) < 0) {
    return errno_error(what);
  }
  return Done{};
}

Status add_address(const Socket& socket, unsigned lo, int family, const char* text) {
  std::array<char, 1024> memory{};
  nlmsghdr* header = mnl_nlmsg_put_header(memory.data());
  header->nlmsg_type = RTM_NEWADDR;
  header->nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE;
  auto* address = static_cast<ifaddrmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(ifaddrmsg)));
  const Bytes bytes = bytes_of(family, text);
  address->ifa_family = static_cast<unsigned char>(family);
  address->ifa_prefixlen = static_cast<unsigned char>(bytes.size * 8);
  address->ifa_flags = family == AF_INET6 ? IFA_F_NODAD : 0;
  address->ifa_scope = RT_SCOPE_UNIVERSE;
  address->ifa_index = lo;
  mnl_attr_put(header, IFA_LOCAL, bytes.size, bytes.all.data());
  mnl_attr_put(header, IFA_ADDRESS, bytes.size, bytes.all.data());
  return ask(socket, header, "give lo its address");
}

Status add_route(const Socket& socket, unsigned lo, int family, const char* source) {
  std::array<char, 1024> memory{};
  nlmsghdr* header = mnl_nlmsg_put_header(memory.data());
  header->nlmsg_type = RTM_NEWROUTE;
  header->nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE;
  auto* route = static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(rtmsg)));
  route->rtm_family = static_cast<unsigned char>(family);
  route->rtm_table = RT_TABLE_LOCAL;
  route->rtm_protocol = RTPROT_STATIC;
  route->rtm_scope = RT_SCOPE_HOST;
  route->rtm_type = RTN_LOCAL;
  const Bytes bytes = bytes_of(family, source);
  mnl_attr_put_u32(header, RTA_OIF, lo);
  mnl_attr_put(header, RTA_PREFSRC, bytes.size, bytes.all.data());
  return ask(socket, header, "make every address local");
}

}  // namespace

Status make_everything_local() {
  const Socket socket(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC));
  if (socket == nullptr || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) {
    return errno_error("open rtnetlink");
  }
  const unsigned lo = if_nametoindex("lo");
  if (lo == 0) return errno_error("find lo");
  RETURN_IF_ERROR(add_address(socket, lo, AF_INET, kOwnV4));
  RETURN_IF_ERROR(add_address(socket, lo, AF_INET6, kOwnV6));
  RETURN_IF_ERROR(add_route(socket, lo, AF_INET, kOwnV4));
  return add_route(socket, lo, AF_INET6, kOwnV6);
}

}  // namespace carrel::network
