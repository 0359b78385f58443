#pragma once
// The session's end of carrel-init's control socket: fixed records, one a packet.

#include <optional>

#include "launcher/box/init/init_plan.h"
#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::session {

class InitPort {
 public:
  explicit InitPort(UniqueFd socket) : socket_(std::move(socket)) {}

  struct Received {
    init::Record record{};
    UniqueFd fd;  // of kPty
  };
  /// The next record; nothing when none has come. An Error when the other side has closed, or for
  /// what is no record: close() then.
  Result<std::optional<Received>> receive();
  /// Asks init to signal the main command's process group. What cannot be told to an init that has
  /// gone needs not be told.
  void signal(int number);

  void close() { socket_.reset(); }
  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  UniqueFd socket_;
};

}  // namespace carrel::session
