#pragma once
// One unix stream socket carrying frames, each with a type, bytes and descriptors. Blocking calls
// for simple peers, non-blocking ones for event loops; the same bytes on the wire.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/wire/protocol/type.h"
#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::protocol {

/// Largest body a frame may have, and most descriptors one may carry (SCM_MAX_FD is 253, unix(7)).
inline constexpr size_t kMaxBody = size_t{2} << 20;
inline constexpr size_t kMaxFds = 240;

struct Message {
  Type type = Type::kFailure;
  std::string body;
  std::vector<UniqueFd> fds;
};

/// Frame on the wire: u32 length of the body, u16 type, u16 number of descriptors (little-endian),
/// body; the descriptors travel by SCM_RIGHTS with the first byte. Not thread-safe.
class Connection {
 public:
  Connection() = default;
  explicit Connection(UniqueFd socket) : socket_(std::move(socket)) {}

  [[nodiscard]] int fd() const { return socket_.get(); }
  [[nodiscard]] bool valid() const { return socket_.valid(); }
  void close() { socket_.reset(); }
  /// Gives the socket away; only when no bytes are buffered in either direction.
  UniqueFd release() { return std::move(socket_); }

  /// Blocking: sends one frame whole. EPIPE when the peer is gone (never a signal).
  Status send(Type type, std::string_view body, std::span<const int> fds = {});
  /// Blocking: the next frame; nothing at an orderly end of stream. `timeout_ms` < 0 waits for
  /// ever; ETIMEDOUT when it passes without a whole frame.
  Result<std::optional<Message>> receive(int timeout_ms = -1);

  /// Non-blocking: queues a frame and writes what the socket takes. Descriptors are duplicated.
  Status queue(Type type, std::string_view body, std::span<const int> fds = {});
  /// Non-blocking: writes queued bytes; call when the socket is writable.
  Status flush();
  [[nodiscard]] bool wants_write() const { return !out_.empty(); }
  /// Bytes queued and not yet taken by the socket.
  [[nodiscard]] size_t queued_bytes() const { return queued_; }

  /// Non-blocking: reads at most about 256 KiB. False when the peer has closed.
  Result<bool> fill();
  /// The next whole frame already read, if any. An Error for a malformed one (close then).
  Result<std::optional<Message>> next();

 private:
  struct Outgoing {
    std::string bytes;
    size_t sent = 0;
    std::vector<UniqueFd> fds;
  };
  UniqueFd socket_;
  std::deque<Outgoing> out_;
  size_t queued_ = 0;
  std::string in_;
  size_t in_start_ = 0;
  std::deque<UniqueFd> in_fds_;
};

/// A connected pair of close-on-exec stream sockets.
Result<std::pair<UniqueFd, UniqueFd>> make_socket_pair();

/// Serialises a protobuf message and sends it. Usable with every message of messages.proto.
template <typename Proto>
Status send_message(Connection& to, Type type, const Proto& message,
                    std::span<const int> fds = {}) {
  return to.send(type, message.SerializeAsString(), fds);
}

/// The same, without blocking.
template <typename Proto>
Status queue_message(Connection& to, Type type, const Proto& message,
                     std::span<const int> fds = {}) {
  return to.queue(type, message.SerializeAsString(), fds);
}

/// Parses a body; an Error naming the type when it is malformed.
template <typename Proto>
Result<Proto> parse_message(const Message& message) {
  Proto out;
  if (!out.ParseFromString(message.body)) {
    return Error{"malformed frame of type " + std::to_string(static_cast<int>(message.type))};
  }
  return out;
}

}  // namespace carrel::protocol
