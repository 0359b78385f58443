#pragma once
// The bytes of one ssh connection on their way between its client and its server. They are
// ciphertext: what is of interest is how many came, and when.

#include <poll.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/base/unique_fd.h"

namespace carrel::session {

class StreamRelay {
 public:
  /// At most so much of each direction is in memory; whoever sends more waits.
  static constexpr size_t kRoom = size_t{256} << 10;

  /// Two stream sockets.
  StreamRelay(UniqueFd client, UniqueFd server)
      : client_(std::move(client)), server_(std::move(server)) {}

  /// Moves what can be moved without waiting. The end of one side is passed on to the other when
  /// all that came before it has been.
  void serve();
  /// What to wait for before the next serve().
  [[nodiscard]] std::vector<pollfd> waits() const;
  /// Bytes that the client has sent, ever.
  [[nodiscard]] uint64_t from_client() const { return from_client_; }
  /// All that the server has sent is with the client, or nobody wants it.
  [[nodiscard]] bool passed_on() const { return down_.waiting() == 0 || !client_.valid(); }
  /// Nothing can be moved any more.
  [[nodiscard]] bool over() const { return !client_.valid(); }
  void close();

 private:
  struct Way {
    std::string bytes;
    size_t start = 0;
    bool ended = false;   // nothing more comes
    bool passed = false;  // the other side knows
    [[nodiscard]] size_t waiting() const { return bytes.size() - start; }
    [[nodiscard]] bool takes() const { return !ended && waiting() < kRoom; }
    [[nodiscard]] std::string_view front() const { return std::string_view(bytes).substr(start); }
  };
  static size_t read_some(int from, Way& way);
  static void write_some(int to, Way& way);
  static void pass_end(int to, Way& way);

  UniqueFd client_, server_;
  Way up_;    // to the server
  Way down_;  // to the client
  uint64_t from_client_ = 0;
};

}  // namespace carrel::session
