#include "tests/sandbox/session/session_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "profiles/base/check.h"

namespace carrel::session_test {
namespace {

Stage::Options with_uid(Stage::Options options) {
  options.uid = kRecorderUid;
  return options;
}

UniqueFd control_file(const sensor::TestCgroup& cgroup, const char* name, int flags) {
  UniqueFd fd(openat(cgroup.fd(), name, flags | O_CLOEXEC));
  CHECK(fd.valid());
  return fd;
}

[[noreturn]] void become_session(int control_fd) {
  const std::string program = std::string(CARREL_BINARY_DIR) + "/libexec/carrel/carrel-session";
  if (dup2(control_fd, 3) != 3 || close_range(4, ~0U, 0) != 0) _exit(90);
  if (setresgid(kRecorderUid, kRecorderUid, kRecorderUid) != 0 ||
      setresuid(kRecorderUid, kRecorderUid, kRecorderUid) != 0) {
    _exit(91);
  }
  // The leak checker of a sanitizer build would attach to the process at its end: its fence
  // forbids.
  setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
  execl(program.c_str(), "carrel-session", nullptr);
  _exit(92);
}

}  // namespace

SessionProcess::SessionProcess(Stage::Options options) : stage(with_uid(options)) {
  if (!missing().empty()) return;
  const sensor::TestCgroup& cgroup = sensor_.cgroup();
  stage.cgroup_events = control_file(cgroup, "cgroup.events", O_RDONLY);
  stage.cgroup_kill = control_file(cgroup, "cgroup.kill", O_WRONLY);
  stage.cgroup_freeze = control_file(cgroup, "cgroup.freeze", O_WRONLY);
  stage.say_go = false;
  pid_ = fork();
  CHECK(pid_ >= 0);
  if (pid_ == 0) become_session(stage.control.get());
  stage.control.reset();
  protocol::Message config =
      stage.config(UniqueFd(fcntl(sensor_.sensor().ring_fd.get(), F_DUPFD_CLOEXEC, 0)),
                   UniqueFd(fcntl(sensor_.sensor().counters_fd.get(), F_DUPFD_CLOEXEC, 0)),
                   sensor_.sensor().ring_bytes);
  std::vector<int> fds;
  for (const UniqueFd& fd : config.fds)
    fds.push_back(fd.get());
  CHECK(stage.launcher.send(config.type, config.body, fds).ok());
}

SessionProcess::~SessionProcess() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  if (payload_ > 0) {
    kill(payload_, SIGKILL);
    waitpid(payload_, nullptr, 0);
  }
}

void SessionProcess::start_payload(const std::function<int()>& body) {
  int start[2];
  CHECK(pipe2(start, O_CLOEXEC) == 0);
  payload_ = sensor::spawn(sensor_.cgroup().fd(), [&] {
    close(start[1]);
    dup2(stage.stdin_fd.get(), 0);
    dup2(stage.stdout_fd.get(), 1);
    dup2(stage.stderr_fd.get(), 2);
    const int keep = fcntl(start[0], F_DUPFD, 64);
    dup2(keep, 3);
    close_range(4, ~0U, 0);
    char byte = 0;
    if (read(3, &byte, 1) != 1) return 99;
    close(3);
    return body();
  });
  close(start[0]);
  start_.reset(start[1]);
  stage.stdin_fd.reset();
  stage.stdout_fd.reset();
  stage.stderr_fd.reset();
}

/// Tells the payload's end as carrel-init would, while everything else plays on.
bool SessionProcess::play_until(const std::function<bool()>& done, int timeout_ms) {
  return stage.until(
      [&] {
        int status = 0;
        if (payload_ > 0 && waitpid(payload_, &status, WNOHANG) == payload_) {
          payload_ = -1;
          if (stage.init.valid()) stage.exit_command(status);
        }
        return done();
      },
      timeout_ms);
}

bool SessionProcess::open_gate() {
  stage.tell(init::RecordType::kReady);
  if (!play_until([this] { return stage.recorded; }, 10'000)) return false;
  CHECK(sensor_.tracer().arm(sensor_.sensor().slot).ok());
  if (!protocol::send_message(stage.launcher, protocol::Type::kGo, protocol::Go()).ok()) {
    return false;
  }
  if (!play_until([this] { return stage.gate_open; }, 10'000)) return false;
  return write(start_.get(), "g", 1) == 1;
}

int SessionProcess::finish() {
  EXPECT_TRUE(play_until([this] { return stage.finished.has_value(); }, 20'000));
  int status = -1;
  EXPECT_TRUE(play_until([&] { return waitpid(pid_, &status, WNOHANG) == pid_; }, 5'000));
  pid_ = -1;
  return status;
}

}  // namespace carrel::session_test
