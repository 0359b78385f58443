#pragma once
// The gateway as the session hears it: a program that reads hostile bytes and may have been taken
// over by them. What it says is checked before it becomes an event.

#include <cstdint>
#include <optional>
#include <vector>

#include "broker/record/events/event.h"
#include "broker/wire/protocol/connection.h"
#include "broker/wire/protocol/messages.pb.h"

namespace carrel::session {

/// An event of the network, with the cookie of the workspace's socket it belongs to (0: not known).
struct NetworkEvent {
  events::Event event;
  uint64_t cookie = 0;
};

/// What a message says: only types that are the gateway's, of no process and no channel, denied by
/// no other rule than the network's; its time is not after `now_ns` and not before `last_ns`. An
/// Error for anything else.
Result<NetworkEvent> read_network_event(const protocol::GatewayEvent& message, uint64_t last_ns,
                                        uint64_t now_ns);

class GatewayPort {
 public:
  /// Invalid: the workspace has no way out.
  explicit GatewayPort(UniqueFd channel);

  static constexpr uint64_t kAskAfterNs = 10'000'000'000;  // of silence
  static constexpr uint64_t kAnswerNs = 20'000'000'000;

  /// It has died, whatever its channel says.
  void drop() { channel_.close(); }
  /// Another gateway takes the place of one that has gone. Nothing passes before go().
  void replace(UniqueFd channel);
  void go();
  /// What has come. One word that is none of its own ends the channel, and with it the gateway.
  std::vector<NetworkEvent> receive(uint64_t now_ns);
  /// A credential that it puts into what it lets pass. One that has gone needs none.
  void take_lease(const protocol::Minted& minted);
  void end_lease(const std::string& name);
  /// Tells it of one more destination for a while, or that it is none any more.
  void grant(const protocol::GatewayGrant& grant);
  /// To be called often. Asks one that has been silent whether it is there; one that does not
  /// answer is as good as dead: its channel ends. With `hears` false nothing of it has been read
  /// since the last call: that time does not count.
  void watch(uint64_t now_ns, bool hears);
  /// That is why it has gone.
  [[nodiscard]] bool silent() const { return silent_; }
  /// Tells it to reset every connection and to take none.
  void end();
  /// What its socket did not take at once.
  void flush();
  /// Everything that it had to say has been said.
  [[nodiscard]] bool ended() const { return ended_ || gone(); }
  [[nodiscard]] bool gone() const { return !channel_.valid(); }
  [[nodiscard]] int fd() const { return channel_.fd(); }
  /// Nobody is at the other end any more, though what was said may be unread.
  [[nodiscard]] bool hung_up() const;
  /// There was one to be told to end, and it has not said that it did.
  [[nodiscard]] bool disobeys() const { return was_there_ && told_to_end_ && !ended_; }
  /// Once: it has gone, though nobody had told it to end.
  bool lost();

 private:
  void tell(const protocol::GatewayLease& lease);
  protocol::Connection channel_;
  bool was_there_ = false, told_to_end_ = false, ended_ = false, silent_ = false;
  uint64_t last_ns_ = 0;
  std::optional<uint64_t> watched_ns_;  // the last time
  uint64_t silent_since_ns_ = 0;
  std::optional<uint64_t> asked_ns_;
  bool owes_answer_ = false;
};

}  // namespace carrel::session
