#include "launcher/box/network/probes.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "profiles/base/unique_fd.h"

namespace carrel::network {
namespace {

constexpr int kPatienceMs = 2000;

struct Place {
  sockaddr_storage address{};
  socklen_t size = 0;
  std::string text;
};

Place place_of(const char* address, uint16_t port) {
  Place place;
  place.text = std::string(address) + " port " + std::to_string(port);
  auto* v4 = reinterpret_cast<sockaddr_in*>(&place.address);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&place.address);
  if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    place.size = sizeof *v4;
  } else {
    (void)inet_pton(AF_INET6, address, &v6->sin6_addr);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    place.size = sizeof *v6;
  }
  return place;
}

Result<UniqueFd> open_socket(const Place& place, int type) {
  UniqueFd made(socket(place.address.ss_family, type | SOCK_CLOEXEC, 0));
  if (!made.valid()) return errno_error("make a probe's socket");
  const timeval patience{kPatienceMs / 1000, 0};
  (void)setsockopt(made.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  (void)setsockopt(made.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  return made;
}

int connect_to(const UniqueFd& made, const Place& place) {
  const auto* address = reinterpret_cast<const sockaddr*>(&place.address);
  return connect(made.get(), address, place.size) == 0 ? 0 : errno;
}

Error went_otherwise(const std::string& what, int number) {
  return Error{"the self-test of the workspace's network failed: " + what, number};
}

Status must_refuse_tcp(const char* address, uint16_t port) {
  const Place place = place_of(address, port);
  ASSIGN_OR_RETURN(const UniqueFd made, open_socket(place, SOCK_STREAM));
  const int number = connect_to(made, place);
  if (number == ECONNREFUSED) return Done{};
  return went_otherwise("a connection to " + place.text + " was not refused", number);
}

/// A connected UDP socket hears of a refusal at its next call.
Status must_refuse_udp(const char* address, uint16_t port) {
  const Place place = place_of(address, port);
  ASSIGN_OR_RETURN(const UniqueFd made, open_socket(place, SOCK_DGRAM));
  int number = connect_to(made, place);
  char byte = 'x';
  if (number == 0 && send(made.get(), &byte, 1, 0) < 0) number = errno;
  if (number == 0) number = recv(made.get(), &byte, 1, 0) < 0 ? errno : 0;
  if (number == ECONNREFUSED) return Done{};
  return went_otherwise("a packet to " + place.text + " was not refused", number);
}

/// Asks for the address of carrel-self-test.invalid: nobody's (RFC 6761 6.4).
std::string query() {
  std::string out("\x2a\x2a\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", 12);
  out += std::string(
      "\x10"
      "carrel-self-test"
      "\x07"
      "invalid"
      "\x00",
      26);
  return out + std::string("\x00\x01\x00\x01", 4);
}

Status check_answer(std::string_view answer, const std::string& where) {
  constexpr unsigned kNoSuchName = 3;
  const bool good = answer.size() >= 12 && answer[0] == 0x2a && answer[1] == 0x2a &&
                    (static_cast<unsigned char>(answer[2]) & 0x80U) != 0 &&
                    (static_cast<unsigned char>(answer[3]) & 0x0fU) == kNoSuchName;
  if (good) return Done{};
  return went_otherwise("the resolver at " + where + " did not deny an unknown name", 0);
}

Status must_answer_udp(const char* address) {
  const Place place = place_of(address, 53);
  ASSIGN_OR_RETURN(const UniqueFd made, open_socket(place, SOCK_DGRAM));
  if (const int number = connect_to(made, place); number != 0) {
    return went_otherwise("no packet can go to " + place.text, number);
  }
  const std::string asked = query();
  std::array<char, 512> answer{};
  ssize_t got = send(made.get(), asked.data(), asked.size(), 0);
  // Connected: only an answer that comes from the address that was asked is received.
  if (got > 0) got = recv(made.get(), answer.data(), answer.size(), 0);
  if (got < 0) return went_otherwise("the gateway did not answer for " + place.text, errno);
  return check_answer({answer.data(), static_cast<size_t>(got)}, place.text);
}

Status must_answer_tcp(const char* address) {
  const Place place = place_of(address, 53);
  ASSIGN_OR_RETURN(const UniqueFd made, open_socket(place, SOCK_STREAM));
  if (const int number = connect_to(made, place); number != 0) {
    return went_otherwise("no connection to " + place.text, number);
  }
  const std::string asked = query();
  const std::string framed = std::string(1, '\0') + static_cast<char>(asked.size()) + asked;
  std::array<char, 514> answer{};
  ssize_t got = send(made.get(), framed.data(), framed.size(), MSG_NOSIGNAL);
  if (got > 0) got = recv(made.get(), answer.data(), answer.size(), 0);
  if (got < 2) return went_otherwise("the gateway did not answer for " + place.text, errno);
  return check_answer({answer.data() + 2, static_cast<size_t>(got) - 2}, place.text);
}

/// To an address that no name has, from the same port: it must reach the gateway, which resets it,
/// and never the socket itself.
Status must_not_reach_itself() {
  const Place place = place_of("198.19.255.254", 45999);
  ASSIGN_OR_RETURN(const UniqueFd made, open_socket(place, SOCK_STREAM));
  const Place own = place_of("0.0.0.0", 45999);
  const int yes = 1;
  (void)setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(made.get(), reinterpret_cast<const sockaddr*>(&own.address), own.size) != 0) {
    return went_otherwise("bind a port inside", errno);
  }
  if (connect_to(made, place) != 0) return Done{};
  char byte = 'x';
  (void)send(made.get(), &byte, 1, MSG_NOSIGNAL);
  if (recv(made.get(), &byte, 1, 0) <= 0) return Done{};
  return went_otherwise("a connection reached its own socket", 0);
}

Status must_fail(const char* what, bool succeeded, std::initializer_list<int> allowed) {
  const int number = errno;
  if (succeeded) return went_otherwise(std::string(what) + " was possible", 0);
  for (const int each : allowed) {
    if (number == each) return Done{};
  }
  return went_otherwise(std::string(what) + " failed otherwise than it must", number);
}

Status must_not_bind(const char* address, uint16_t port) {
  const Place place = place_of(address, port);
  ASSIGN_OR_RETURN(const UniqueFd made, open_socket(place, SOCK_DGRAM));
  const bool done =
      bind(made.get(), reinterpret_cast<const sockaddr*>(&place.address), place.size) == 0;
  return must_fail(("to bind " + place.text).c_str(), done, {EACCES});
}

/// RTM_DELROUTE of everything: refused before it is read.
Status must_not_route() {
  const UniqueFd made(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!made.valid()) return Done{};
  struct {
    nlmsghdr header;
    rtmsg route;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_DELROUTE;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  request.route.rtm_family = AF_INET;
  struct {
    nlmsghdr header;
    nlmsgerr error;
  } answer{};
  if (send(made.get(), &request, sizeof request, 0) < 0) return Done{};
  if (recv(made.get(), &answer, sizeof answer, 0) < 0) return Done{};
  errno = -answer.error.error;
  return must_fail("to change a route", answer.error.error == 0, {EPERM});
}

Status must_have_no_power() {
  const UniqueFd raw(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));
  RETURN_IF_ERROR(must_fail("a raw socket", raw.valid(), {EPERM}));
  const UniqueFd packet(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  RETURN_IF_ERROR(must_fail("a packet socket", packet.valid(), {EPERM, EAFNOSUPPORT}));
  const UniqueFd plain(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  const bool transparent =
      setsockopt(plain.get(), IPPROTO_IP, IP_TRANSPARENT, &yes, sizeof yes) == 0;
  RETURN_IF_ERROR(must_fail("a transparent socket", transparent, {EPERM}));
  RETURN_IF_ERROR(must_not_bind("0.0.0.0", 53));
  RETURN_IF_ERROR(must_not_bind("127.0.0.53", 53));
  RETURN_IF_ERROR(must_not_bind("::", 53));
  return must_not_route();
}

Status must_have_lo_alone() {
  struct if_nameindex* names = if_nameindex();
  if (names == nullptr) return errno_error("list interfaces");
  const bool alone =
      names[0].if_index != 0 && strcmp(names[0].if_name, "lo") == 0 && names[1].if_index == 0;
  if_freenameindex(names);
  return alone ? Status(Done{}) : went_otherwise("there is an interface besides lo", 0);
}

}  // namespace

Status try_ways_out() {
  RETURN_IF_ERROR(must_have_lo_alone());
  for (const char* address : {"127.0.0.53", "8.8.8.8", "2001:4860:4860::8888"})
    RETURN_IF_ERROR(must_answer_udp(address));
  for (const char* address : {"1.1.1.1", "2606:4700:4700::1111"})
    RETURN_IF_ERROR(must_answer_tcp(address));
  RETURN_IF_ERROR(must_refuse_tcp("1.1.1.1", 443));
  RETURN_IF_ERROR(must_refuse_tcp("2606:4700::1111", 443));
  RETURN_IF_ERROR(must_refuse_tcp("169.254.169.254", 80));
  RETURN_IF_ERROR(must_refuse_tcp("10.0.0.1", 22));
  RETURN_IF_ERROR(must_refuse_tcp("8.8.8.8", 853));
  RETURN_IF_ERROR(must_refuse_tcp("192.0.2.1", 9));
  RETURN_IF_ERROR(must_refuse_udp("8.8.8.8", 443));
  RETURN_IF_ERROR(must_refuse_udp("2606:4700::1111", 443));
  RETURN_IF_ERROR(must_refuse_udp("198.18.0.1", 443));
  RETURN_IF_ERROR(must_not_reach_itself());
  return must_have_no_power();
}

}  // namespace carrel::network
