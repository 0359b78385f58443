#pragma once
// The real carrel-session, confined, with a real sensor; all else is played by the stage. Root's is
// an uid of its own, with a ring and a cgroup; an ordinary user's has carrel-notify and a process
// whose end is the workspace's.

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "launcher/service/notifier.h"
#include "tests/sandbox/sensor/session.h"
#include "tests/unit/launcher/watch/session/stage.h"

namespace carrel::session_test {

/// The session's and its files'. An ordinary user's is 0, which is that user in namespaces of their
/// own.
uid_t recorder_uid();

class SessionProcess {
 public:
  explicit SessionProcess(Stage::Options options = {});
  SessionProcess(const SessionProcess&) = delete;
  SessionProcess& operator=(const SessionProcess&) = delete;
  ~SessionProcess();

  /// What this host's kernel lacks for the test, "" when nothing.
  [[nodiscard]] std::string missing() const { return sensor_ ? sensor_->error() : ""; }
  /// A process in the workspace with the stage's pipes as its own; it waits until the gate is open,
  /// then runs `body`. Its end is told as carrel-init tells it.
  void start_payload(const std::function<int()>& body);
  /// Plays until the gate is open; arms the sensor when the session says recorded.
  bool open_gate();
  /// Plays to the session's last word, then waits for the program's end: its exit status.
  int finish();
  [[nodiscard]] pid_t pid() const { return pid_; }

  Stage stage;

 private:
  bool play_until(const std::function<bool()>& done, int timeout_ms);
  void configure();
  pid_t spawn_payload(const std::function<int()>& body);
  std::optional<sensor::TestSession> sensor_;  // root's
  std::optional<service::Notifier> notifier_;  // an ordinary user's
  pid_t pid_ = -1, payload_ = -1;
  UniqueFd start_;
};

}  // namespace carrel::session_test
