#pragma once
// The only way out of a workspace: one loop over its queries and its connections, from the sockets
// that were made there to the host's own network.

#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/wire/protocol/messages.pb.h"
#include "launcher/gateway/relay/dns_server.h"
#include "launcher/gateway/relay/door.h"
#include "launcher/gateway/relay/flow.h"
#include "launcher/gateway/relay/refused_packets.h"

namespace carrel::gateway {

/// Sockets made in the workspace's network namespace (launcher/box/network/sockets.h).
struct Sockets {
  UniqueFd tcp;
  UniqueFd dns_udp4, dns_udp6, dns_tcp4, dns_tcp6;
  UniqueFd log;
};

class Gateway {
 public:
  /// More connections at once are reset, and more than there are descriptors for.
  static constexpr size_t kMostFlows = 1024;
  static constexpr uint64_t kIdleNs = 600'000'000'000;

  /// Both outlive it.
  Gateway(Parts& parts, Sockets sockets);

  /// Begins to answer and to take connections; the caller runs the loop.
  void start();
  /// The self-test has ended: from now on the session is told. False: fewer packets than
  /// `refused_at_least` were refused and told of.
  bool begin(uint64_t refused_at_least);
  /// The same in the place of a gateway that has died: nothing was tried, and all is told.
  void begin_again();
  /// A credential is there, renewed or ended; with its end every connection that it opened is cut.
  void take_lease(const protocol::GatewayLease& lease);
  /// One more destination for a while, or no longer: its connections are cut then. What cannot be
  /// granted is passed over.
  void grant(const protocol::GatewayGrant& grant);
  /// Takes no connection any more. What its clients had sent before they ended goes on while it
  /// moves, at most a second; the rest is reset. `done` is called when all has been told.
  void end(std::function<void()> done);

 private:
  Task<> take_connections();
  Task<> tick();
  Task<> end_flows(std::function<void()> done);
  [[nodiscard]] bool moves() const;
  Task<> run_flow(std::shared_ptr<Flow> flow);
  void take(Taken taken);
  void read_log_now();
  /// How often what was told once has come again, of minutes that are over at `now_ns`: as the
  /// session has room for it. Returns when all of it has been told.
  Task<> tell_counts(uint64_t now_ns);
  Task<> tell_minutes();
  void end_grant(const std::string& id);
  void end_late_grants();
  void end_late_leases();
  void cut_those_with(const std::string& credential);

  Parts& parts_;
  DnsServer dns_;
  std::shared_ptr<Wait> tcp_, dns_udp4_, dns_udp6_, dns_tcp4_, dns_tcp6_, log_;
  Door door_;
  size_t most_flows_;
  std::list<std::shared_ptr<Flow>> flows_;
  RefusedPackets refused_;
  std::deque<Report::Untold> counts_;                // of a minute that is over
  std::map<std::string, uint64_t> grants_until_ns_;  // by id, monotonic: also without a word
  bool ended_ = false;
};

}  // namespace carrel::gateway
