#pragma once
// The session's end of carrel-init's control socket: fixed records, one a packet.

#include <optional>
#include <string>
#include <vector>

#include "launcher/box/init/init_plan.h"
#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::session {

class InitPort {
 public:
  explicit InitPort(UniqueFd socket) : socket_(std::move(socket)) {}

  struct Received {
    init::Record record{};
    UniqueFd fd;       // of kPty
    uint32_t pid = 0;  // who sent it, as this process sees pids; 0: the socket does not say
  };
  /// The next record; nothing when none has come. An Error when the other side has closed, or for
  /// what is no record: close() then.
  Result<std::optional<Received>> receive();
  /// Asks init to signal a command's process group; channel 0 is the main command. What cannot be
  /// told to an init that has gone needs not be told.
  void signal(int number, int32_t channel = 0);
  /// Asks init to start a further command, on a terminal of its own or, without one, with these
  /// three descriptors as its stdin, stdout and stderr. E2BIG: the words do not fit into one
  /// request.
  Status spawn(int32_t channel, bool terminal, const std::vector<std::string>& words,
               const std::vector<std::string>& environment, const std::vector<UniqueFd>& fds);

  void close() { socket_.reset(); }
  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  UniqueFd socket_;
};

}  // namespace carrel::session
