#pragma once
// The stream to the person's own program. Its bytes are hostile: what is no known frame counts as
// a client that has gone.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "broker/wire/protocol/connection.h"
#include "profiles/base/unique_fd.h"

namespace carrel::session {

struct ClientInput {
  std::string bytes;
};
struct ClientInputEnd {};
/// Within what a terminal can have.
struct ClientResize {
  uint32_t columns = 0;
  uint32_t rows = 0;
  static bool is_size(uint32_t columns, uint32_t rows) {
    return columns > 0 && rows > 0 && columns <= UINT16_MAX && rows <= UINT16_MAX;
  }
};
/// A signal number, 1 … 64.
struct ClientSignal {
  int number = 0;
};
using ClientWish = std::variant<ClientInput, ClientInputEnd, ClientResize, ClientSignal>;

class ClientPort {
 public:
  /// More than this unread by the client: take no more output from the command.
  static constexpr size_t kMaxWaiting = size_t{1} << 20;

  explicit ClientPort(UniqueFd stream) : stream_(std::move(stream)) {}
  explicit ClientPort(protocol::Connection stream) : stream_(std::move(stream)) {}

  /// What the client wants, in order. A client that has gone wants nothing more.
  std::vector<ClientWish> receive();
  /// Queues a frame of raw bytes; dropped where the client has gone.
  void send(protocol::Type type, std::string_view bytes);
  void flush();
  void close() { stream_.close(); }
  /// Gives the stream away.
  protocol::Connection release() { return std::move(stream_); }

  [[nodiscard]] bool gone() const { return !stream_.valid(); }
  [[nodiscard]] bool full() const { return !gone() && stream_.queued_bytes() > kMaxWaiting; }
  [[nodiscard]] bool wants_write() const { return !gone() && stream_.wants_write(); }
  [[nodiscard]] int fd() const { return stream_.fd(); }

 private:
  protocol::Connection stream_;
};

}  // namespace carrel::session
