#include "launcher/gateway/relay/dialer.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <memory>

#include "profiles/base/text.h"

namespace carrel::gateway {
namespace {

constexpr uint64_t kConnectMs = 10'000;
constexpr size_t kMaxProxyHead = 8192;

struct Endpoint {
  sockaddr_storage address{};
  socklen_t size = 0;
  std::string text;
};

Endpoint endpoint_of(const Address& address, uint16_t port) {
  Endpoint out;
  if (address.v6) {
    auto* to = reinterpret_cast<sockaddr_in6*>(&out.address);
    to->sin6_family = AF_INET6;
    to->sin6_port = htons(port);
    std::memcpy(&to->sin6_addr, address.bytes.data(), 16);
    out.size = sizeof *to;
    out.text = "[" + address.text() + "]:" + std::to_string(port);
  } else {
    auto* to = reinterpret_cast<sockaddr_in*>(&out.address);
    to->sin_family = AF_INET;
    to->sin_port = htons(port);
    std::memcpy(&to->sin_addr, address.bytes.data(), 4);
    out.size = sizeof *to;
    out.text = address.text() + ":" + std::to_string(port);
  }
  return out;
}

/// Closes it when the time is over: what waits for it then hears of that.
Task<> close_after(std::weak_ptr<Wait> socket, uint64_t ms) {
  co_await sleep_ms(ms);
  if (const auto held = socket.lock()) held->close();
}

Task<Result<std::shared_ptr<Wait>>> connect_to(Loop& loop, const Endpoint& to) {
  UniqueFd made(socket(to.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!made.valid()) co_return errno_error("make a socket");
  end_by_reset(made.get(), true);
  const int yes = 1;
  (void)setsockopt(made.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  const auto* address = reinterpret_cast<const sockaddr*>(&to.address);
  const int number = connect(made.get(), address, to.size) == 0 ? 0 : errno;
  if (number != 0 && number != EINPROGRESS) co_return Error{to.text, number};
  auto held = std::make_shared<Wait>(loop, std::move(made));
  start(loop, close_after(held, kConnectMs));
  const bool done = co_await held->writable();
  if (!done) co_return Error{to.text, ETIMEDOUT};
  int failed = 0;
  socklen_t size = sizeof failed;
  if (getsockopt(held->fd(), SOL_SOCKET, SO_ERROR, &failed, &size) != 0) failed = errno;
  if (failed != 0) co_return Error{to.text, failed};
  co_return held;
}

/// A second descriptor of the same socket: what the first one waits for ends with it.
Result<Dialled> dialled(const std::shared_ptr<Wait>& held, std::string text) {
  Dialled out;
  out.socket.reset(fcntl(held->fd(), F_DUPFD_CLOEXEC, 3));
  held->close();
  if (!out.socket.valid()) return errno_error("keep a socket");
  out.upstream = std::move(text);
  return out;
}

Result<Endpoint> parse_endpoint(const std::string& text) {
  const size_t colon = text.rfind(':');
  uint16_t port = 0;
  if (colon != std::string::npos) {
    (void)std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
  }
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  ASSIGN_OR_RETURN(const Address address, Address::parse(host));
  if (port == 0) return Error{"not an address with a port: " + quoted(text)};
  return endpoint_of(address, port);
}

/// The private networks that a rule lets its name lead to.
std::vector<Network> networks_of(const model::Network& rule) {
  std::vector<Network> out;
  for (const model::TextEntry& each : rule.addresses) {
    Result<Network> network = Network::parse(each.text);
    if (network.ok()) out.push_back(network.take());
  }
  return out;
}

/// Reads the head of a proxy's answer, byte by byte: what follows it is not ours.
Task<Status> read_proxy_answer(Wait& socket) {
  std::string head;
  while (!head.ends_with("\r\n\r\n")) {
    char byte = 0;
    const ssize_t got = recv(socket.fd(), &byte, 1, 0);
    if (got == 1) {
      head += byte;
      if (head.size() > kMaxProxyHead) co_return Error{"the proxy answered at too great length"};
      continue;
    }
    if (got == 0) co_return Error{"the proxy hung up"};
    if (errno != EAGAIN) co_return errno_error("hear the proxy");
    const bool more = co_await socket.readable();
    if (!more) co_return Error{"the proxy did not answer", ETIMEDOUT};
  }
  const bool good = head.starts_with("HTTP/1.1 200") || head.starts_with("HTTP/1.0 200");
  if (good) co_return Done{};
  co_return Error{"the proxy refused: " + quoted(head.substr(0, head.find('\r')))};
}

}  // namespace

void end_by_reset(int fd, bool reset) {
  const linger how{reset ? 1 : 0, 0};
  (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &how, sizeof how);
}

Result<std::vector<Address>> own_addresses() {
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return errno_error("list the host's addresses");
  std::vector<Address> out;
  for (const ifaddrs* each = all; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr) continue;
    Address address;
    if (each->ifa_addr->sa_family == AF_INET) {
      const auto* from = reinterpret_cast<const sockaddr_in*>(each->ifa_addr);
      std::memcpy(address.bytes.data(), &from->sin_addr, 4);
    } else if (each->ifa_addr->sa_family == AF_INET6) {
      const auto* from = reinterpret_cast<const sockaddr_in6*>(each->ifa_addr);
      address.v6 = true;
      std::memcpy(address.bytes.data(), &from->sin6_addr, 16);
    } else {
      continue;
    }
    out.push_back(address);
  }
  freeifaddrs(all);
  return out;
}

Task<Result<Dialled>> Dialer::dial_proxy(Loop& loop, const std::string& host, uint16_t port) {
  const Result<Endpoint> to = parse_endpoint(proxy_);
  if (!to.ok()) co_return to.error();
  Result<std::shared_ptr<Wait>> connected = co_await connect_to(loop, to.value());
  if (!connected.ok()) co_return connected.error();
  const std::shared_ptr<Wait> held = connected.take();
  const std::string authority = host + ":" + std::to_string(port);
  const std::string head = "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n\r\n";
  if (send(held->fd(), head.data(), head.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(head.size())) {
    co_return Error{"the proxy took no request"};
  }
  const Status answered = co_await read_proxy_answer(*held);
  if (!answered.ok()) co_return answered.error();
  co_return dialled(held, to.value().text + " (proxy)");
}

Task<Result<Dialled>> Dialer::dial(Loop& loop, const model::Network& network, uint16_t port) {
  const std::string host = network.host;
  const std::vector<Network> granted = networks_of(network);
  if (!proxy_.empty()) {
    Result<Dialled> by_proxy = co_await dial_proxy(loop, host, port);
    co_return by_proxy;
  }
  Result<std::vector<Address>> found = co_await resolver_.resolve(host);
  if (!found.ok()) co_return Error{host + " does not resolve: " + found.error().what};
  std::string refused;
  for (const Address& address : found.value()) {
    const std::string_view why = why_not_dialled(address, host_, granted);
    if (!why.empty()) {
      refused += (refused.empty() ? "" : ", ") + address.text() + " (" + std::string(why) + ")";
      continue;
    }
    const Endpoint to = endpoint_of(address, port);
    Result<std::shared_ptr<Wait>> connected = co_await connect_to(loop, to);
    if (connected.ok()) co_return dialled(connected.value(), to.text);
    refused += (refused.empty() ? "" : ", ") + to_string(connected.error());
  }
  resolver_.forget(host);
  if (refused.empty()) refused = "it has no address";
  co_return Error{host + " cannot be reached: " + refused};
}

}  // namespace carrel::gateway
