#include "launcher/gateway/relay/socket_cookie.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

namespace carrel::gateway {
namespace {

struct Request {
  nlmsghdr header;
  inet_diag_req_v2 body;
};

Request request_for(const sockaddr_in& client, const sockaddr_in& destination) {
  Request request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.body.sdiag_family = AF_INET;
  request.body.sdiag_protocol = IPPROTO_TCP;
  request.body.idiag_states = ~0U;
  request.body.id.idiag_sport = client.sin_port;
  request.body.id.idiag_dport = destination.sin_port;
  request.body.id.idiag_src[0] = client.sin_addr.s_addr;
  request.body.id.idiag_dst[0] = destination.sin_addr.s_addr;
  request.body.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
  request.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  return request;
}

}  // namespace

uint64_t SocketCookies::of(const sockaddr_in& client, const sockaddr_in& destination) const {
  const Request request = request_for(client, destination);
  if (send(diag_.get(), &request, sizeof request, 0) < 0) return 0;
  // The kernel answers within send(2): what is not there now will not come.
  alignas(nlmsghdr) std::array<char, 4096> answer{};
  const ssize_t got = recv(diag_.get(), answer.data(), answer.size(), MSG_DONTWAIT);
  nlmsghdr header{};
  if (got < static_cast<ssize_t>(sizeof header + sizeof(inet_diag_msg))) return 0;
  std::memcpy(&header, answer.data(), sizeof header);
  if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY) return 0;
  inet_diag_msg body{};
  std::memcpy(&body, answer.data() + NLMSG_HDRLEN, sizeof body);
  return uint64_t{body.id.idiag_cookie[1]} << 32 | body.id.idiag_cookie[0];
}

}  // namespace carrel::gateway
