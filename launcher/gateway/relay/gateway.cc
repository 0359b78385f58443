#include "launcher/gateway/relay/gateway.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <iterator>
#include <utility>

#include "profiles/decide/rules.h"

namespace carrel::gateway {
namespace {

constexpr uint64_t kTickMs = 1000;

/// Calls it whenever there is something to read and room to tell of it.
Task<> when_readable(std::shared_ptr<Wait> from, Report& report, std::function<void()> read) {
  while (true) {
    const bool more = co_await from->readable();
    if (!more) co_return;
    co_await report.room();
    read();
  }
}

/// Of TCP the sensor tells every attempt: this is a sample of what it has denied already.
Report::Said said_of(const events::NetRefused& refused) {
  const bool seen_twice = refused.protocol == "tcp";
  return {seen_twice ? events::Verdict::kObserved : events::Verdict::kDenied,
          std::string(decide::kNetworkRule), ECONNREFUSED, 0};
}

std::shared_ptr<Wait> wait_for(Loop& loop, UniqueFd fd) {
  return std::make_shared<Wait>(loop, std::move(fd));
}

/// Each has two sockets and, while bytes wait in it either way, two pipes. Beside them: what every
/// gateway holds, queries over TCP, and questions to name servers.
size_t flows_that_fit() {
  constexpr rlim_t kOfOne = 6;
  constexpr rlim_t kBeside = 96;
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return Gateway::kMostFlows;
  const rlim_t fit = (files.rlim_max - std::min(kBeside, files.rlim_max / 2)) / kOfOne;
  return static_cast<size_t>(std::min<rlim_t>(fit, Gateway::kMostFlows));
}

}  // namespace

uint64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

Gateway::Gateway(Parts& parts, Sockets sockets)
    : parts_(parts),
      dns_(parts),
      tcp_(wait_for(parts.loop, std::move(sockets.tcp))),
      dns_udp4_(wait_for(parts.loop, std::move(sockets.dns_udp4))),
      dns_udp6_(wait_for(parts.loop, std::move(sockets.dns_udp6))),
      dns_tcp4_(wait_for(parts.loop, std::move(sockets.dns_tcp4))),
      dns_tcp6_(wait_for(parts.loop, std::move(sockets.dns_tcp6))),
      log_(wait_for(parts.loop, std::move(sockets.log))),
      most_flows_(flows_that_fit()) {}

void Gateway::start() {
  Loop& loop = parts_.loop;
  parts_.anomalies.tell = [this](events::NetAnomaly anomaly) {
    parts_.report.tell({}, std::move(anomaly));
  };
  gateway::start(loop, dns_.serve_udp(dns_udp4_));
  gateway::start(loop, dns_.serve_udp(dns_udp6_));
  gateway::start(loop, dns_.serve_tcp(dns_tcp4_));
  gateway::start(loop, dns_.serve_tcp(dns_tcp6_));
  gateway::start(loop, take_connections());
  gateway::start(loop, when_readable(log_, parts_.report, [this] { read_log_now(); }));
  gateway::start(loop, tick());
  gateway::start(loop, tell_minutes());
}

bool Gateway::begin(uint64_t refused_at_least) {
  read_log_now();
  if (refused_.seen() < refused_at_least) return false;
  refused_ = {};
  dns_.begin();
  counts_.clear();
  parts_.anomalies.forget();
  parts_.report.begin();
  return true;
}

void Gateway::begin_again() {
  dns_.begin();
  parts_.report.begin();
}

void Gateway::end(std::function<void()> done) {
  if (ended_) return;
  ended_ = true;
  for (const auto& socket : {tcp_, dns_udp4_, dns_udp6_, dns_tcp4_, dns_tcp6_})
    socket->close();
  dns_.close_late(UINT64_MAX);
  gateway::start(parts_.loop, end_flows(std::move(done)));
}

/// Whether some connection has moved bytes just now.
bool Gateway::moves() const {
  constexpr uint64_t kStillNs = 200'000'000;
  return std::any_of(flows_.begin(), flows_.end(), [](const std::shared_ptr<Flow>& flow) {
    return now_ns() - flow->moved_ns() < kStillNs;
  });
}

Task<> Gateway::end_flows(std::function<void()> done) {
  constexpr uint64_t kStepMs = 10;
  constexpr uint64_t kLongestNs = 1'000'000'000;
  const uint64_t until = now_ns() + kLongestNs;
  while (moves() && now_ns() < until) {
    co_await sleep_ms(kStepMs);
  }
  for (const auto& flow : flows_)
    flow->cut("session");
  // Each tells its end itself.
  while (!flows_.empty() && now_ns() < until + kLongestNs) {
    co_await sleep_ms(kStepMs);
  }
  co_await tell_counts(UINT64_MAX);  // of the minute that has only begun
  done();
}

void Gateway::take_lease(const protocol::GatewayLease& lease) {
  const Status taken = parts_.leases.take(lease, BothClocks::now());
  if (!taken.ok() || lease.ended()) cut_those_with(lease.name());
}

void Gateway::cut_those_with(const std::string& credential) {
  for (const auto& flow : flows_) {
    if (flow->credential() == credential) flow->cut("lease", "its credential has ended");
  }
}

void Gateway::grant(const protocol::GatewayGrant& grant) {
  constexpr uint64_t kNsPerMs = 1'000'000;
  if (grant.ended()) return end_grant(grant.id());
  Result<model::Network> network =
      decide::granted_network(parts_.profile, grant.host(), grant.port(), grant.mode());
  if (ended_ || !network.ok() || grant.left_ms() > UINT64_MAX / kNsPerMs / 2) return;
  if (!parts_.grants.add(grant.id(), network.take())) return;
  grants_until_ns_[grant.id()] = now_ns() + grant.left_ms() * kNsPerMs;
}

void Gateway::end_grant(const std::string& id) {
  grants_until_ns_.erase(id);
  if (!parts_.grants.end(id)) return;
  for (const auto& flow : flows_)
    flow->check_grant();
}

void Gateway::end_late_grants() {
  std::vector<std::string> over;
  for (const auto& [id, until_ns] : grants_until_ns_) {
    if (now_ns() >= until_ns) over.push_back(id);
  }
  for (const std::string& id : over)
    end_grant(id);
}

void Gateway::end_late_leases() {
  for (const std::string& credential : parts_.leases.over(BothClocks::now()))
    cut_those_with(credential);
}

Task<> Gateway::run_flow(std::shared_ptr<Flow> flow) {
  co_await flow->run();
  flows_.remove(flow);
}

void Gateway::take(Taken taken) {
  end_by_reset(taken.socket.get(), true);
  sockaddr_in wanted{};
  socklen_t size = sizeof wanted;
  if (getsockname(taken.socket.get(), reinterpret_cast<sockaddr*>(&wanted), &size) != 0) return;
  const int yes = 1;
  (void)setsockopt(taken.socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  Arrival arrival;
  arrival.socket = std::move(taken.socket);
  arrival.address = address_text(ntohl(wanted.sin_addr.s_addr));
  arrival.port = ntohs(wanted.sin_port);
  arrival.name = parts_.names.names().name_of(ntohl(wanted.sin_addr.s_addr)).value_or("");
  arrival.cookie = parts_.cookies.of(taken.client, wanted);
  if (!taken.fits || flows_.size() >= most_flows_) {
    Report::Said said{events::Verdict::kDenied, std::string(decide::kNetworkRule), EMFILE,
                      arrival.cookie};
    parts_.report.tell(said, events::NetOpen{0, arrival.name, arrival.address, arrival.port, ""});
    return;
  }
  flows_.push_back(std::make_shared<Flow>(parts_, std::move(arrival)));
  gateway::start(parts_.loop, run_flow(flows_.back()));
}

Task<> Gateway::take_connections() {
  constexpr uint64_t kTurn = 16;  // connections
  Turn turn(Turn::kAnyBytes, kTurn);
  while (tcp_->open()) {
    co_await turn.step();
    co_await parts_.report.room();
    Taken taken = door_.take(tcp_->fd());
    if (taken.socket.valid()) {
      take(std::move(taken));
      continue;
    }
    const int number = errno;
    constexpr uint64_t kPatienceMs = 50;
    if (number == EMFILE || number == ENFILE || number == ENOMEM) {
      const bool rested = co_await sleep_ms(kPatienceMs);
      if (!rested) co_return;
    }
    if (number != EAGAIN) continue;
    const bool more = co_await tcp_->readable();
    if (!more) co_return;
  }
}

void Gateway::read_log_now() {
  // Not in a coroutine's frame, whom it would make as large.
  static std::array<char, 65536> datagram;
  while (log_->open()) {
    const ssize_t got = recv(log_->fd(), datagram.data(), datagram.size(), 0);
    if (got < 0 && errno == ENOBUFS) continue;  // a sample all the same
    if (got <= 0) return;
    for (const RefusedPacket& packet : read_log({datagram.data(), static_cast<size_t>(got)})) {
      if (auto told = refused_.add(packet, now_ns())) {
        const Report::Said said = said_of(*told);
        parts_.report.tell(said, std::move(*told));
      }
    }
  }
}

Task<> Gateway::tell_counts(uint64_t now_ns) {
  std::vector<Report::Untold> queries = dns_.take_counts(now_ns);
  std::move(queries.begin(), queries.end(), std::back_inserter(counts_));
  for (events::NetRefused& again : refused_.tick(now_ns))
    counts_.push_back({said_of(again), std::move(again)});
  constexpr uint64_t kTurn = 64;
  Turn turn(kTurn);
  while (true) {
    co_await turn.step();
    co_await parts_.report.room();
    if (counts_.empty()) co_return;  // at a session's end two tell of the same ones
    Report::Untold next = std::move(counts_.front());
    counts_.pop_front();
    parts_.report.tell(next.said, std::move(next.data));
  }
}

/// Apart from tick(): what ends with its time does so though the session does not listen.
Task<> Gateway::tell_minutes() {
  while (!ended_) {
    co_await sleep_ms(kTickMs);
    co_await tell_counts(now_ns());
  }
}

Task<> Gateway::tick() {
  while (!ended_) {
    co_await sleep_ms(kTickMs);
    parts_.anomalies.tick(now_ns());
    dns_.close_late(now_ns());
    end_late_grants();
    end_late_leases();
    for (const auto& flow : flows_) {
      if (flow->ended()) continue;
      if (now_ns() - flow->moved_ns() > kIdleNs) flow->cut("idle");
      if (flow->deadline_ns() != 0 && now_ns() > flow->deadline_ns()) {
        flow->cut("protocol", "its ClientHello did not come whole within 5 s");
      }
    }
  }
}

}  // namespace carrel::gateway
