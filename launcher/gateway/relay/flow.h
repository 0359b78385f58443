#pragma once
// One connection of the workspace, from its arrival to its end.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "launcher/gateway/relay/parts.h"
#include "launcher/gateway/tls/client_hello.h"

namespace carrel::gateway {

/// Where a connection came from and where it wanted to.
struct Arrival {
  UniqueFd socket;      // non-blocking, with SO_LINGER {1, 0}
  std::string address;  // inside
  uint16_t port = 0;
  std::string name;  // behind the address; "" for none
  uint64_t cookie = 0;
};

class Flow : public std::enable_shared_from_this<Flow> {
 public:
  /// `parts` outlives it.
  Flow(Parts& parts, Arrival arrival);

  /// To its end, which has been told when it returns.
  Task<> run();
  /// Both sides are reset now. The first reason is the one that is told.
  void cut(std::string by, std::string why = {});
  /// Cuts it where only a grant allowed it, or what is asked by it now, that is none any more.
  void check_grant();
  /// Of the last byte that moved.
  [[nodiscard]] uint64_t moved_ns() const { return moved_ns_; }
  [[nodiscard]] const std::string& name() const { return arrival_.name; }
  /// The name of the credential that its rule puts in; "" for none.
  [[nodiscard]] std::string credential() const {
    return network_ == nullptr ? "" : network_->credential;
  }
  /// Until when what the client has begun must have come; 0: no matter.
  [[nodiscard]] uint64_t deadline_ns() const { return deadline_ns_; }
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  bool open();
  void count();
  void pass_by_grant(bool is);
  Task<bool> dial();
  using Mode = Task<> (Flow::*)();
  static Mode mode_of(const model::Network& network);
  Task<bool> dial_for_inspector();
  Task<> relay_unread();
  Task<> pass_through();
  Task<> inspect();
  Task<> relay(const std::string& first);
  Task<bool> send_first(const std::string& first);
  Task<bool> check_hello(std::string& first);
  void tell_hello(const ClientHelloReader::State& state,
                  const std::optional<HelloRefusal>& refused);
  Task<> one_way(Way way);
  void moved(Way way, uint64_t bytes);
  /// Why it ends, whenever that is; the first one counts.
  void give_reason(std::string by, std::string why);
  void tell_spent(Way way, const Allowance& allowance);
  void tell_end();
  void close_in_order();
  [[nodiscard]] Report::Said said(events::Verdict verdict) const;

  Parts& parts_;
  Arrival arrival_;
  const model::Network* network_ = nullptr;  // once it is allowed
  Anomalies::Moved* counted_ = nullptr;      // with it
  std::optional<model::Network> granted_;    // by a grant: a copy, for grants come and go
  bool by_grant_ = false;                    // what is asked now, of a table of the profile's
  std::string rule_;
  uint64_t number_ = 0;
  Wait client_;
  std::unique_ptr<Wait> server_;
  std::string upstream_, by_, why_, unreachable_;
  uint64_t up_ = 0, down_ = 0;
  uint64_t began_ns_ = 0, moved_ns_ = 0, deadline_ns_ = 0;
  bool ended_ = false;
  bool cut_ = false;
  bool reads_tls_ = false;  // of inspected TLS
};

}  // namespace carrel::gateway
