#pragma once
// One direction of a connection that nobody reads: bytes go from socket to socket within the kernel
// (splice(2)), each taken from its budget before it moves.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "launcher/gateway/relay/budgets.h"
#include "launcher/gateway/relay/report.h"
#include "launcher/gateway/relay/task.h"
#include "profiles/base/result.h"

namespace carrel::gateway {

struct Pipe {
  UniqueFd read_end, write_end;
};

/// Pipes for directions that hold bytes just now. The kernel gives a user only so many pages
/// (pipe(7), pipe-user-pages-soft): many connections share few pipes.
class Pipes {
 public:
  /// An empty one; an Error where the kernel has none left.
  Result<Pipe> lend();
  void take_back(Pipe pipe);
  static constexpr int kBytes = 256 << 10;

 private:
  static constexpr size_t kKept = 64;
  std::vector<Pipe> free_;
};

enum class PumpEnd : uint8_t {
  kEof,     // the source ended in order; the end was passed on
  kReset,   // one of the two sides broke
  kBudget,  // more came than may pass: all that may has been delivered
};

struct PumpTools {
  Pipes& pipes;
  Report& report;                       // nothing moves while it has no room
  std::function<void(uint64_t)> moved;  // so many bytes were delivered
};

/// From one socket to the other until one of these happens. Both sockets are left open. All that is
/// passed outlives the task.
Task<PumpEnd> pump(Wait& from, Wait& to, Allowance& allowance, const PumpTools& tools);

/// Waits until the peer's kernel has acknowledged everything that was sent, at most `ms`.
Task<> drain(Wait& socket, uint64_t ms);

}  // namespace carrel::gateway
