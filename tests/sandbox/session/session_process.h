#pragma once
// The real carrel-session, confined and as a uid of its own, with a real ring and a real cgroup;
// all else is played by the stage.

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include "tests/sandbox/sensor/session.h"
#include "tests/unit/launcher/watch/session/stage.h"

namespace carrel::session_test {

inline constexpr uid_t kRecorderUid = 0x70000000 + 10;

class SessionProcess {
 public:
  explicit SessionProcess(Stage::Options options = {});
  SessionProcess(const SessionProcess&) = delete;
  SessionProcess& operator=(const SessionProcess&) = delete;
  ~SessionProcess();

  /// What this host's kernel lacks for the test, "" when nothing.
  [[nodiscard]] const std::string& missing() const { return sensor_.error(); }
  /// A process in the workspace's cgroup with the stage's pipes as its own; it waits until the gate
  /// is open, then runs `body`. Its end is told as carrel-init tells it.
  void start_payload(const std::function<int()>& body);
  /// Plays until the gate is open; arms the sensor when the session says recorded.
  bool open_gate();
  /// Plays to the session's last word, then waits for the program's end: its exit status.
  int finish();
  [[nodiscard]] pid_t pid() const { return pid_; }

  Stage stage;

 private:
  bool play_until(const std::function<bool()>& done, int timeout_ms);
  sensor::TestSession sensor_;
  pid_t pid_ = -1, payload_ = -1;
  UniqueFd start_;
};

}  // namespace carrel::session_test
