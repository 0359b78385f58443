// What a channel may reach: the ports of [[forward]] tables, on the workspace's own loopback.

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>

#include "profiles/decide/decide.h"

namespace carrel::decide {
namespace {

bool is_localhost(std::string_view host) {
  constexpr std::string_view kName = "localhost";
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; };
  return std::equal(host.begin(), host.end(), kName.begin(), kName.end(), same);
}

/// 127.0.0.0/8, ::1, the first mapped into IPv6, or their name. A name that only begins like an
/// address is none.
bool is_own_loopback(std::string_view host) {
  if (is_localhost(host)) return true;
  const std::string text(host.substr(0, INET6_ADDRSTRLEN));
  if (text.size() != host.size() || text.find('\0') != std::string::npos) return false;
  in_addr four{};
  if (inet_pton(AF_INET, text.c_str(), &four) == 1) return ntohl(four.s_addr) >> 24 == 127;
  in6_addr six{};
  if (inet_pton(AF_INET6, text.c_str(), &six) != 1) return false;
  return IN6_IS_ADDR_LOOPBACK(&six) || (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127);
}

/// It is made, or goes on by itself.
bool is_connecting(int error) {
  return error == 0 || error == EINPROGRESS || error == EALREADY || error == EINTR ||
         error == EISCONN;
}

}  // namespace

Decision decide_forward(const Policy& policy, std::string_view address, uint32_t port, int error) {
  const std::string* rule = policy.forward_to(port);
  const bool granted = rule != nullptr && is_own_loopback(address);
  const bool refused = error == EACCES || error == EPERM;
  if (granted && !refused) return {Verdict::kAllowed, *rule};
  return {is_connecting(error) ? Verdict::kObserved : Verdict::kDenied, kForwardRule};
}

}  // namespace carrel::decide
