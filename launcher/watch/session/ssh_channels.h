#pragma once
// The session's ssh connections: each has a stock sshd that the launcher runs beside the workspace,
// and what clients ask of that becomes commands of the session (channels.h). Connection 3 runs the
// commands "3.1", "3.2", … Everything that comes from a server or its forced command is hostile.

#include <poll.h>

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/wire/protocol/connection.h"
#include "broker/wire/protocol/messages.pb.h"
#include "launcher/watch/session/channels.h"
#include "launcher/watch/session/record_link.h"
#include "launcher/watch/session/stream_relay.h"
#include "profiles/base/unique_fd.h"

namespace carrel::session {

class SshChannels {
 public:
  static constexpr size_t kMost = 8;

  /// Asks the launcher for a server. False: it cannot be asked.
  using Asking = std::function<bool(const protocol::StartSsh& wanted)>;
  /// A server refused to reach a port, which is to be recorded for that connection.
  using Refused =
      std::function<void(const std::string& host, uint32_t port, const std::string& channel)>;

  /// References outlive this. `notice` is what every client is shown first; `sensed` as of
  /// Channels.
  SshChannels(Channels& channels, RecordLink& record, const Clock& clock, std::string notice,
              Asking asking, Refused refused, std::function<Channels::Sensed()> sensed);
  SshChannels(const SshChannels&) = delete;
  SshChannels& operator=(const SshChannels&) = delete;
  ~SshChannels();

  /// A connection that the broker has let through.
  void open(const protocol::SessionAttach& wanted, UniqueFd stream);
  /// The launcher's kSshStarted.
  void take_started(protocol::Message message);
  /// Moves what can be moved without waiting. True: somebody is at work on a connection.
  bool serve();
  /// Commands that are asked for meanwhile are refused for this reason; nothing: no more.
  void stand_still(std::optional<Ending> why) { still_ = std::move(why); }
  /// What to wait for before the next serve().
  [[nodiscard]] std::vector<pollfd> waits() const;
  /// No command begins any more; the connections are still there.
  void take_no_more();
  /// What the servers have sent is with their clients.
  [[nodiscard]] bool passed_on() const;
  /// Ends every server, and with it what its clients still see.
  void kill();
  /// Connections at which no command runs: their people are there all the same.
  [[nodiscard]] size_t idle() const;
  /// Those with a server, or for which one is being started.
  [[nodiscard]] size_t count() const { return all_.size(); }
  /// No server is alive any more, nor is one being started.
  [[nodiscard]] bool empty() const { return all_.empty(); }
  /// The session is over: an end for each that is gone. What is said of one that is left, which has
  /// no end in the record and is the launcher's to end; "" where none is.
  std::string finish(const Ending& ending);

  /// Why a stream got no server, as a line that an ssh client or `carrel connect` shows.
  static void refuse(const UniqueFd& stream, std::string_view why);

 private:
  struct One;
  One* find(uint32_t number);
  void accept_callers(One& one);
  bool hear_caller(One& one, protocol::Connection& caller);
  void read_log(One& one, int reads);
  void take_line(One& one, std::string_view line);
  bool is_active(One& one);
  void check_start(One& one);
  bool ended(One& one);
  void end(One& one, const Ending& ending);
  void kill(One& one);

  Channels& channels_;
  RecordLink& record_;
  const Clock& clock_;
  std::string notice_;
  Asking asking_;
  Refused refused_;
  std::function<Channels::Sensed()> sensed_;
  std::optional<Ending> still_;
  std::list<std::unique_ptr<One>> all_;
  int32_t last_number_;
};

/// What a line of sshd's log says of its connection. Pure.
enum class SshdSays { kNothing, kAccepted, kOver };
SshdSays sshd_says(std::string_view line);

/// What sshd says when it will not connect to a port ("Received request from … to connect to host
/// H port P, but the request was denied."): the host as it was asked for, and the port. Pure.
struct RefusedForward {
  std::string host;
  uint32_t port = 0;
  bool operator==(const RefusedForward&) const = default;
};
std::optional<RefusedForward> refused_forward(std::string_view line);

}  // namespace carrel::session
