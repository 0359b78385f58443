#pragma once
// A gateway's parts with a session at the other end that reads when the test does, and clients on
// loopback.

#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "launcher/gateway/relay/parts.h"

namespace carrel::gateway::test {

/// Whether its other end has hung up, in order or not.
inline bool hung_up(const UniqueFd& socket) {
  pollfd look{socket.get(), POLLRDHUP, 0};
  return poll(&look, 1, 0) > 0;
}

/// What lies in it, taken without waiting.
inline std::string take_all(const UniqueFd& socket) {
  std::string all;
  std::array<char, 65536> part{};
  while (true) {
    const ssize_t got = recv(socket.get(), part.data(), part.size(), MSG_DONTWAIT);
    if (got <= 0) return all;
    all.append(part.data(), static_cast<size_t>(got));
  }
}

inline std::pair<UniqueFd, UniqueFd> socket_pair() {
  std::array<int, 2> ends{};
  (void)!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data());
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

/// A socket of the server's on 127.0.0.1; of SOCK_STREAM it listens.
struct Served {
  explicit Served(int kind) : type(kind), socket(::socket(AF_INET, kind | kFlags, 0)) {
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    constexpr int kWaiting = 512;
    (void)!bind(socket.get(), name(), size);
    if (type == SOCK_STREAM) (void)!listen(socket.get(), kWaiting);
    (void)!getsockname(socket.get(), name(), &size);
  }
  /// A new socket that is connected to it.
  UniqueFd client() {
    UniqueFd made(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
    if (connect(made.get(), name(), size) != 0) made.reset();
    return made;
  }
  sockaddr* name() { return reinterpret_cast<sockaddr*>(&address); }

  static constexpr int kFlags = SOCK_CLOEXEC | SOCK_NONBLOCK;
  int type;
  UniqueFd socket;
  sockaddr_in address{};
  socklen_t size = sizeof address;
};

/// A question for an A record of "nNUMBER.test"; its answer has the same id.
inline std::string question(uint16_t number) {
  const std::string label = "n" + std::to_string(number);
  std::string out;
  out += static_cast<char>(number >> 8);
  out += static_cast<char>(number & 0xff);
  out += std::string("\1\0\0\1\0\0\0\0\0\0", 10);
  out += static_cast<char>(label.size());
  return out + label + std::string("\4test\0\0\1\0\1", 10);
}

/// The same as it goes over a stream (RFC 1035 4.2.2).
inline std::string framed_question(uint16_t number) {
  const std::string whole = question(number);
  return std::string(1, '\0') + static_cast<char>(whole.size()) + whole;
}

/// How many whole messages stand there, each behind its length; they are taken away.
inline size_t take_frames(std::string& bytes) {
  size_t count = 0;
  while (bytes.size() >= 2) {
    const size_t size =
        size_t{static_cast<unsigned char>(bytes[0])} << 8 | static_cast<unsigned char>(bytes[1]);
    if (bytes.size() < 2 + size) break;
    bytes.erase(0, 2 + size);
    ++count;
  }
  return count;
}

struct World {
  World() : World(socket_pair()) {}
  explicit World(std::pair<UniqueFd, UniqueFd> ends)
      : session(std::move(ends.first)),
        report(loop, std::move(ends.second)),
        resolver(Resolver::open(loop, {"127.0.0.1:53"}).take()),
        parts{loop,
              profile,
              report,
              NamesFile::open(UniqueFd(memfd_create("names", MFD_CLOEXEC)), 0).take(),
              Dialer(*resolver, {}, ""),
              SocketCookies(UniqueFd()),
              Budgets(),
              {},
              FlowNumbers(next_number),
              {},
              {},
              std::nullopt,
              "",
              std::nullopt,
              "",
              {}} {}

  /// From now on nothing more may be told until the session reads.
  void fill_report() {
    const std::string large(size_t{1} << 20, 'x');
    for (int i = 0; i < 3; ++i)
      report.send(protocol::Type::kGatewayEvent, large);
  }

  Loop loop{1};
  model::Profile profile;
  UniqueFd session;  // the session's end
  Report report;
  uint64_t next_number = 1;
  std::unique_ptr<Resolver> resolver;
  Parts parts;
};

}  // namespace carrel::gateway::test
