#pragma once
// Answers every query of the workspace, whichever resolver it was meant for, over UDP and TCP.

#include <map>
#include <memory>
#include <vector>

#include "launcher/gateway/relay/parts.h"
#include "launcher/gateway/relay/queries.h"

namespace carrel::gateway {

class DnsServer {
 public:
  /// More over TCP at once are closed.
  static constexpr size_t kMostConnections = 32;

  /// `parts` outlives this.
  explicit DnsServer(Parts& parts) : parts_(parts) {}

  /// Over a UDP socket that is told which address was asked, and answers from it.
  Task<> serve_udp(std::shared_ptr<Wait> socket);
  /// Over connections to a listener: two bytes of length before each message (RFC 1035 4.2.2).
  Task<> serve_tcp(std::shared_ptr<Wait> listener);
  /// The self-test has ended: what it asked for is no part of any count.
  void begin() { queries_ = {}; }
  /// Closes connections that have lasted long enough at `now_ns`; UINT64_MAX: all.
  void close_late(uint64_t now_ns);
  /// What a minute that is over at `now_ns` (CLOCK_MONOTONIC) adds; UINT64_MAX: any. It is the
  /// caller's to tell.
  std::vector<Report::Untold> take_counts(uint64_t now_ns);

 private:
  /// "" for no answer.
  std::string answer(std::string_view packet);
  std::string answer_query(const struct Query& query);
  [[nodiscard]] bool may_ask(const std::string& name) const;
  void tell(events::DnsQuery told, bool denied);
  Task<> serve_connection(std::shared_ptr<Wait> connection);

  Parts& parts_;
  Queries queries_;
  std::map<std::shared_ptr<Wait>, uint64_t> connections_;  // until when (CLOCK_MONOTONIC)
};

}  // namespace carrel::gateway
