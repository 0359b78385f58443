#pragma once
// A process that stays in the network and the user namespace that an ordinary user's launcher came
// from and cannot come back to: it starts gateways there, which dial from there.

#include <string>

#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::service {

class Porter {
 public:
  /// Before the launcher leaves; one thread. It ends when the last copy of this is closed.
  static Result<Porter> start();
  Porter() = default;

  /// Has it start `program` with `control` (borrowed) as descriptor 3 and nothing else of
  /// anybody's, and does not wait for that. A program that cannot be started closes its end at
  /// once. By the socket that is answered hear_process() hears which process it is.
  [[nodiscard]] Result<UniqueFd> start_program(const std::string& program, int control) const;
  /// The process (pidfd_open(2)), to be ended by descriptor: it is the porter's child. Once. ESRCH:
  /// none runs. Any other Error: nobody knows.
  static Result<UniqueFd> hear_process(const UniqueFd& socket, int timeout_ms);
  [[nodiscard]] bool there() const { return socket_.valid(); }

 private:
  UniqueFd socket_;
};

}  // namespace carrel::service
