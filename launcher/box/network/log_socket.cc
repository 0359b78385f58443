#include "launcher/box/network/log_socket.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <sys/socket.h>

#include <array>
#include <functional>

namespace carrel::network {
namespace {

constexpr uint32_t kCopied = 64;  // IP and transport headers

Status ask(int fd, uint16_t group, const std::function<void(nlmsghdr*)>& fill) {
  std::array<char, 1024> memory{};
  nlmsghdr* header = mnl_nlmsg_put_header(memory.data());
  header->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
  header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  auto* general = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(nfgenmsg)));
  general->nfgen_family = AF_UNSPEC;
  general->version = NFNETLINK_V0;
  general->res_id = htons(group);
  fill(header);
  if (send(fd, header, header->nlmsg_len, 0) < 0) return errno_error("ask nfnetlink_log");
  std::array<char, 8192> answer{};
  const ssize_t got = recv(fd, answer.data(), answer.size(), 0);
  if (got < 0) return errno_error("hear nfnetlink_log");
  if (mnl_cb_run(answer.data(), static_cast<size_t>(got), 0, 0, nullptr, nullptr) < 0) {
    return errno_error("configure nfnetlink_log");
  }
  return Done{};
}

}  // namespace

Result<UniqueFd> new_log_socket(uint16_t group) {
  UniqueFd made(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER));
  if (!made.valid()) return errno_error("open nfnetlink_log");
  sockaddr_nl own{};
  own.nl_family = AF_NETLINK;
  if (bind(made.get(), reinterpret_cast<sockaddr*>(&own), sizeof own) != 0) {
    return errno_error("bind nfnetlink_log");
  }
  RETURN_IF_ERROR(ask(made.get(), group, [](nlmsghdr* header) {
    const nfulnl_msg_config_cmd bind_group{NFULNL_CFG_CMD_BIND};
    mnl_attr_put(header, NFULA_CFG_CMD, sizeof bind_group, &bind_group);
  }));
  RETURN_IF_ERROR(ask(made.get(), group, [](nlmsghdr* header) {
    nfulnl_msg_config_mode mode{};
    mode.copy_range = htonl(kCopied);
    mode.copy_mode = NFULNL_COPY_PACKET;
    mnl_attr_put(header, NFULA_CFG_MODE, sizeof mode, &mode);
    mnl_attr_put_u32(header, NFULA_CFG_QTHRESH, htonl(1));
  }));
  return made;
}

}  // namespace carrel::network
