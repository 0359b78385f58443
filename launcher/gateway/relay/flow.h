#pragma once
// One connection of the workspace, from its arrival to its end.

#include <cstdint>
#include <memory>
#include <string>

#include "launcher/gateway/relay/parts.h"

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
  /// Of the last byte that moved.
  [[nodiscard]] uint64_t moved_ns() const { return moved_ns_; }
  [[nodiscard]] const std::string& name() const { return arrival_.name; }
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  bool open();
  Task<bool> dial();
  Task<> relay();
  Task<> one_way(Way way);
  void moved(Way way, uint64_t bytes);
  void tell_spent(Way way, const Allowance& allowance);
  void tell_end();
  void close_in_order();
  [[nodiscard]] Report::Said said(events::Verdict verdict) const;

  Parts& parts_;
  Arrival arrival_;
  const model::Network* network_ = nullptr;
  uint64_t number_ = 0;
  Wait client_;
  std::unique_ptr<Wait> server_;
  std::string upstream_, by_, why_;
  uint64_t up_ = 0, down_ = 0;
  uint64_t began_ns_ = 0, moved_ns_ = 0;
  bool ended_ = false;
};

}  // namespace carrel::gateway
