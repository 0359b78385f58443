#pragma once
// carrel-session as the opening sees it: started as the session's own uid, given its descriptors,
// listened to until its end.

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "broker/wire/protocol/connection.h"
#include "broker/wire/protocol/host_space.h"
#include "broker/wire/protocol/messages.pb.h"
#include "profiles/base/result.h"

namespace carrel::service {

class Recorder {
 public:
  /// Starts `program` as `uid` with the control socket as descriptor 3. 0: as the launcher is,
  /// which must then not be the host's root.
  static Result<Recorder> start(const std::string& program, uid_t uid);

  /// Hands it all it works with; `fds` in the order of messages.proto.
  Status configure(const protocol::SessionConfig& config, const std::vector<int>& fds);
  /// Waits until event 0 is kept and the payload stands at the gate, and gives the thread that
  /// copies the ring the FIFO scheduling it cannot give itself. The session's own failure is an
  /// Error with its sentence, and what it wants told in `finished`. `warning` is set where the
  /// kernel refuses the scheduling.
  Status wait_recorded(std::optional<protocol::Finished>* finished, std::string* warning);
  /// Without a control group: hands it a pidfd of carrel-init, by which it sees the end.
  Status tell_workspace(int pidfd);
  /// While it runs: another gateway is there, with the channel to it; or there will be none, and
  /// why.
  void tell_gateway(const protocol::GatewayBack& back, const UniqueFd& channel);
  /// While it runs: how the host's disk stands.
  void tell_host_space(const protocol::HostSpace& space);
  /// Opens the gate.
  Status go();
  /// Set-up failed on our side: the session is to end with this code.
  void fail(int code, const std::string& text);
  /// The launcher wants the session to end, and goes on hearing it.
  void hang_up();

  [[nodiscard]] int fd() const { return control_.fd(); }
  /// What the session has said while it runs.
  struct Said {
    std::optional<protocol::Finished> finished;   // its last word
    std::vector<protocol::Message> wanted;        // kStartSsh, in order
    std::optional<protocol::GatewayBack> missed;  // the last gateway that it has lost
    bool gone = false;                            // it has ended, with or without a last word
  };
  /// After fd() became readable: all that is whole. Another message is an Error.
  Result<Said> take();
  /// The answer to kStartSsh; `fds` as in messages.proto.
  void tell_ssh(const protocol::SshStarted& started, const std::vector<int>& fds);
  /// Waits for its end, at most `timeout_ms`; then kills it.
  void reap(int timeout_ms);

 private:
  Recorder(protocol::Connection control, pid_t pid) : control_(std::move(control)), pid_(pid) {}
  protocol::Connection control_;
  pid_t pid_ = -1;
};

}  // namespace carrel::service
