#pragma once
// Which process is behind a connection: the sensor tells who connects which socket, the gateway of
// which socket a connection is, and the socket's cookie joins both. What is not known stays
// unknown, and is never guessed. Pure, and bounded.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "launcher/watch/session/gateway_port.h"

namespace carrel::session {

class FlowJoin {
 public:
  /// How long a connection waits for the sensor's records to be read before its process is unknown.
  static constexpr uint64_t kPatienceNs = 2'000'000'000;
  static constexpr size_t kMostHeld = 1024;      // full(), from here on
  static constexpr size_t kMostSockets = 16384;  // the last of those that were connected
  static constexpr size_t kMostFlows = 4096;     // open at once; the gateway has a quarter of that

  /// A process, and the channel it works for.
  struct Owner {
    events::Process process;
    std::string channel;
    bool operator==(const Owner&) const = default;
  };
  /// The process is about to connect the socket. In the sensor's order.
  void connects(uint64_t cookie, Owner owner);

  /// The gateway's word, in its order. A net.open with a cookie waits, and what is told after it,
  /// until the sensor has been read up to `mark`.
  void tell(NetworkEvent told, uint64_t mark, uint64_t now_ns);
  using Passed = std::function<bool(uint64_t mark)>;
  /// What may be recorded now, in order: with process and channel where they are known.
  std::vector<events::Event> take(const Passed& passed, uint64_t now_ns);
  /// Connections that were open are none any more, and nobody tells their ends.
  void forget_open() { flows_.clear(); }
  /// Nothing could be read meanwhile: patience begins anew.
  void wait_from(uint64_t now_ns);

  [[nodiscard]] bool waiting() const { return !held_.empty(); }
  [[nodiscard]] bool full() const { return held_.size() >= kMostHeld; }
  /// When patience ends with the first that waits.
  [[nodiscard]] std::optional<uint64_t> until_ns() const;

 private:
  struct Socket {
    Owner owner;
    bool one = true;  // false: others have connected it too, so nobody knows who of them
    uint64_t number = 0;
  };
  struct Held {
    NetworkEvent told;
    uint64_t mark = 0, since_ns = 0;
  };
  struct Flow {
    uint64_t cookie = 0;
    Owner owner;
  };
  [[nodiscard]] static bool must_wait(const NetworkEvent& told);
  std::optional<Owner> owner_of(const NetworkEvent& told);
  std::optional<Owner> opened(const NetworkEvent& told, uint64_t flow);
  std::optional<Owner> take_socket(uint64_t cookie);

  std::unordered_map<uint64_t, Socket> sockets_;         // by cookie, until its connection is told
  std::deque<std::pair<uint64_t, uint64_t>> connected_;  // cookie and number, oldest first
  uint64_t next_number_ = 0;
  std::map<uint64_t, Flow> flows_;  // by number, of those whose process is known
  std::deque<Held> held_;
};

}  // namespace carrel::session
