#pragma once
// What the gateway tells the session. Nothing passes that the session has not been told of: while
// it does not listen, nothing is relayed.

#include <cstdint>
#include <functional>

#include "broker/record/events/event.h"
#include "broker/wire/protocol/connection.h"
#include "launcher/gateway/relay/task.h"

namespace carrel::gateway {

class Report {
 public:
  /// More than this unsent: wait.
  static constexpr size_t kMaxWaiting = size_t{1} << 20;

  /// `session` is not owned by anybody else.
  Report(Loop& loop, UniqueFd session);

  struct Said {
    events::Verdict verdict = events::Verdict::kObserved;
    std::string rule;
    int32_t error = 0;
    uint64_t cookie = 0;  // of the workspace's socket
  };
  struct Untold {
    Said said;
    events::Data data;
  };
  /// Tells it now; before begin() it is told to nobody. The end of the session's channel is the
  /// program's end: on_gone.
  void tell(const Said& said, events::Data data);
  void begin() { begun_ = true; }
  /// The session has died, though nobody here has heard of it yet.
  [[nodiscard]] bool hung_up() const;
  /// Waits until there is room for more.
  Task<> room();
  void send(protocol::Type type, std::string_view body);

  std::function<void()> on_gone;
  std::function<void(protocol::Message)> on_message;
  /// Reads and writes until the channel ends.
  Task<> read_all();

 private:
  void flush();
  Task<> write_all();
  Loop& loop_;
  protocol::Connection session_;
  Wait wait_;  // a second descriptor of the same socket
  bool begun_ = false, writing_ = false, gone_ = false;
};

}  // namespace carrel::gateway
