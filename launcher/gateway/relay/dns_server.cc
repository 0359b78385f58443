#include "launcher/gateway/relay/dns_server.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "launcher/gateway/dns/answers.h"
#include "launcher/gateway/relay/door.h"
#include "profiles/decide/network.h"
#include "profiles/decide/rules.h"

namespace carrel::gateway {
namespace {

constexpr size_t kMaxQuery = 4096;
constexpr uint64_t kConnectionNs = 10'000'000'000;
constexpr uint64_t kPatienceMs = 50;
constexpr uint64_t kTurn = 16;  // questions or connections; some hundred microseconds

struct Received {
  sockaddr_storage from{};
  std::array<char, kMaxQuery> bytes{};
  alignas(cmsghdr) std::array<char, 256> control{};
  iovec part{};
  msghdr message{};
};

/// One packet with what the kernel says of it; -1 and errno for none.
ssize_t receive(int fd, Received& to) {
  to.part = {to.bytes.data(), to.bytes.size()};
  to.message = {};
  to.message.msg_name = &to.from;
  to.message.msg_namelen = sizeof to.from;
  to.message.msg_iov = &to.part;
  to.message.msg_iovlen = 1;
  to.message.msg_control = to.control.data();
  to.message.msg_controllen = to.control.size();
  return recvmsg(fd, &to.message, 0);
}

/// The address that was asked becomes the one that answers (ip(7) IP_PKTINFO, ipv6(7)
/// IPV6_PKTINFO): the kernel's message is sent back, without the interface.
void answer_from_there(Received& received) {
  for (cmsghdr* each = CMSG_FIRSTHDR(&received.message); each != nullptr;
       each = CMSG_NXTHDR(&received.message, each)) {
    if (each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(each), sizeof info);
      info.ipi_spec_dst = info.ipi_addr;
      info.ipi_ifindex = 0;
      std::memcpy(CMSG_DATA(each), &info, sizeof info);
    }
    if (each->cmsg_level == IPPROTO_IPV6 && each->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(each), sizeof info);
      info.ipi6_ifindex = 0;
      std::memcpy(CMSG_DATA(each), &info, sizeof info);
    }
  }
}

std::string answer_word(const Answer& answer) {
  if (answer.address.has_value()) return "address";
  if (!answer.pointer.empty()) return "pointer";
  if (answer.code == Rcode::kNameError) return "no-such-name";
  return answer.code == Rcode::kNoError ? "none" : "refused";
}

Report::Said said_of(bool denied) {
  Report::Said said;
  if (denied) {
    said.verdict = events::Verdict::kDenied;
    said.rule = decide::kNetworkRule;
  }
  return said;
}

Task<bool> read_exactly(Wait& from, char* to, size_t size) {
  size_t got = 0;
  while (got < size) {
    const ssize_t some = recv(from.fd(), to + got, size - got, 0);
    if (some > 0) {
      got += static_cast<size_t>(some);
      continue;
    }
    if (some == 0 || errno != EAGAIN) co_return false;
    const bool more = co_await from.readable();
    if (!more) co_return false;
  }
  co_return true;
}

}  // namespace

void DnsServer::tell(events::DnsQuery told, bool denied) {
  const auto now = queries_.add(std::move(told), now_ns());
  if (now.has_value()) parts_.report.tell(said_of(denied), *now);
}

bool DnsServer::may_ask(const std::string& name) const {
  return decide::decide_name(parts_.profile, name, parts_.grants.list()).verdict ==
         decide::Verdict::kAllowed;
}

std::string DnsServer::answer_query(const Query& query) {
  events::DnsQuery told;
  told.type = type_text(query.type);
  const Decision decision = decide(
      query, [this](const std::string& name) { return may_ask(name); }, parts_.names.names());
  const bool denied = decision.reason == Reason::kDenied || decision.reason == Reason::kNoName;
  if (denied) parts_.anomalies.denied_name(decision.name, now_ns());
  if (decision.reason == Reason::kFull) parts_.anomalies.addresses_full(now_ns());
  // Of what no rule names only so many a second are answered: the others could be a channel to
  // nobody, and fill the record. A tool that asks for each of its connections is none.
  if (denied && !queries_.may_ask(now_ns())) {
    told.name = query.name;
    told.answer = "refused";
    told.reason = "too-many";
    parts_.anomalies.too_many_names(Queries::kASecond, now_ns());
    tell(std::move(told), false);
    return write_refusal({query.id, Rcode::kServerFailure});
  }
  told.name = decision.name;
  // A name that cannot be kept is tried again with each query; the others go on meanwhile.
  (void)parts_.names.keep().ok();
  if (decision.answer.address.has_value() && !parts_.names.keeps(*decision.answer.address)) {
    told.answer = "refused";
    told.reason = "not-kept";
    tell(std::move(told), false);
    return write_refusal({query.id, Rcode::kServerFailure});
  }
  told.answer = answer_word(decision.answer);
  told.reason = to_word(decision.reason);
  if (decision.answer.address.has_value()) {
    told.address = address_text(*decision.answer.address);
    told.flow = parts_.numbers.asked(decision.name);
  }
  tell(std::move(told), denied);
  return write_answer(query, decision.answer);
}

std::string DnsServer::answer(std::string_view packet) {
  const auto read = read_query(packet);
  if (const auto* refused = std::get_if<Refused>(&read)) return write_refusal(*refused);
  if (const auto* query = std::get_if<Query>(&read)) return answer_query(*query);
  return "";
}

Task<> DnsServer::serve_udp(std::shared_ptr<Wait> socket) {
  const auto received = std::make_unique<Received>();
  Turn turn(Turn::kAnyBytes, kTurn);
  while (socket->open()) {
    co_await turn.step();
    co_await parts_.report.room();
    const ssize_t got = receive(socket->fd(), *received);
    if (got < 0) {
      if (errno == EINTR || errno == ECONNREFUSED) continue;
      if (errno != EAGAIN) co_return;
      const bool more = co_await socket->readable();
      if (!more) co_return;
      continue;
    }
    std::string out = answer({received->bytes.data(), static_cast<size_t>(got)});
    if (out.empty() || (received->message.msg_flags & MSG_TRUNC) != 0) continue;
    answer_from_there(*received);
    received->part = {out.data(), out.size()};
    // A client that has gone asks no more.
    (void)sendmsg(socket->fd(), &received->message, MSG_NOSIGNAL);
  }
}

Task<> DnsServer::serve_connection(std::shared_ptr<Wait> connection) {
  std::array<char, kMaxQuery> bytes{};
  Turn turn(Turn::kAnyBytes, kTurn);
  while (true) {
    co_await turn.step();
    std::array<unsigned char, 2> length{};
    const bool begun =
        co_await read_exactly(*connection, reinterpret_cast<char*>(length.data()), 2);
    if (!begun) break;
    const size_t size = size_t{length[0]} << 8 | length[1];
    if (size > bytes.size()) break;
    const bool whole = co_await read_exactly(*connection, bytes.data(), size);
    if (!whole) break;
    co_await parts_.report.room();
    if (!connection->open()) break;  // meanwhile: nobody hears the answer
    const std::string out = answer({bytes.data(), size});
    if (out.empty()) break;
    const std::string framed = std::string(1, static_cast<char>(out.size() >> 8)) +
                               static_cast<char>(out.size() & 0xff) + out;
    const ssize_t put = send(connection->fd(), framed.data(), framed.size(), MSG_NOSIGNAL);
    if (put != static_cast<ssize_t>(framed.size())) break;
  }
  connection->close();
  connections_.erase(connection);
}

Task<> DnsServer::serve_tcp(std::shared_ptr<Wait> listener) {
  Door door;
  Turn turn(Turn::kAnyBytes, kTurn);
  while (listener->open()) {
    co_await turn.step();
    Taken taken = door.take(listener->fd());
    const int number = errno;
    if (!taken.socket.valid() && number == EAGAIN) {
      const bool more = co_await listener->readable();
      if (!more) co_return;
      continue;
    }
    if (!taken.socket.valid()) {
      // Never without a pause: the other connections run in the same loop.
      co_await sleep_ms(kPatienceMs);
      continue;
    }
    if (!taken.fits || connections_.size() >= kMostConnections) continue;  // closed at once
    auto connection = std::make_shared<Wait>(parts_.loop, std::move(taken.socket));
    connections_.emplace(connection, now_ns() + kConnectionNs);
    start(parts_.loop, serve_connection(std::move(connection)));
  }
}

void DnsServer::close_late(uint64_t now_ns) {
  for (const auto& [connection, until_ns] : connections_) {
    if (now_ns >= until_ns) connection->close();
  }
}

std::vector<Report::Untold> DnsServer::take_counts(uint64_t now_ns) {
  std::vector<Report::Untold> out;
  for (events::DnsQuery& again : queries_.tick(now_ns)) {
    const bool denied = again.reason == "denied" || again.reason == "no-name";
    out.push_back({said_of(denied), std::move(again)});
  }
  return out;
}

}  // namespace carrel::gateway
