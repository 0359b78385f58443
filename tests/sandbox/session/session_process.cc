#include "tests/sandbox/session/session_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "launcher/box/kernel/seccomp_filter.h"
#include "profiles/base/check.h"
#include "tests/sandbox/box/stand.h"
#include "tests/support/mode.h"

namespace carrel::session_test {
namespace {

Stage::Options in_mode(Stage::Options options) {
  support::take_stand();
  options.uid = recorder_uid();
  options.rootless = support::is_rootless();
  return options;
}

UniqueFd control_file(const sensor::TestCgroup& cgroup, const char* name, int flags) {
  UniqueFd fd(openat(cgroup.fd(), name, flags | O_CLOEXEC));
  CHECK(fd.valid());
  return fd;
}

UniqueFd duplicate(int fd) {
  UniqueFd copy(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  CHECK(copy.valid());
  return copy;
}

[[noreturn]] void become_session(int control_fd) {
  const std::string program = support::built("libexec/carrel/carrel-session");
  if (dup2(control_fd, 3) != 3 || close_range(4, ~0U, 0) != 0) _exit(90);
  const uid_t uid = recorder_uid();
  if (setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0) {
    _exit(91);
  }
  // The leak checker of a sanitizer build would attach to the process at its end: its fence
  // forbids.
  setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
  execl(program.c_str(), "carrel-session", nullptr);
  _exit(92);
}

/// As carrel-init does last: every call that it asks about waits for carrel-notify.
void load_filter(const std::vector<sock_filter>& filter, int notify_fd) {
  const sock_fprog program{static_cast<unsigned short>(filter.size()),
                           const_cast<sock_filter*>(filter.data())};
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  const auto listener = static_cast<int>(
      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
              SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &program));
  CHECK(listener >= 0);
  char byte = 'l';
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof listener)] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof listener);
  memcpy(CMSG_DATA(rights), &listener, sizeof listener);
  CHECK(sendmsg(notify_fd, &message, MSG_NOSIGNAL) == 1);
  close(listener);
}

}  // namespace

uid_t recorder_uid() {
  return support::is_rootless() ? 0 : 0x70000000 + 10;
}

SessionProcess::SessionProcess(Stage::Options options) : stage(in_mode(options)) {
  if (support::is_rootless()) {
    notifier_.emplace(
        service::Notifier::start(support::built("libexec/carrel/carrel-notify")).take());
  } else {
    sensor_.emplace();
    if (!missing().empty()) return;
    const sensor::TestCgroup& cgroup = sensor_->cgroup();
    stage.cgroup_events = control_file(cgroup, "cgroup.events", O_RDONLY);
    stage.cgroup_kill = control_file(cgroup, "cgroup.kill", O_WRONLY);
    stage.cgroup_freeze = control_file(cgroup, "cgroup.freeze", O_WRONLY);
  }
  stage.say_go = false;
  pid_ = fork();
  CHECK(pid_ >= 0);
  if (pid_ == 0) become_session(stage.control.get());
  stage.control.reset();
  configure();
}

void SessionProcess::configure() {
  protocol::Message config =
      notifier_
          ? stage.config(duplicate(notifier_->records_fd()), duplicate(notifier_->counters_fd()))
          : stage.config(duplicate(sensor_->sensor().ring_fd.get()),
                         duplicate(sensor_->sensor().counters_fd.get()),
                         sensor_->sensor().ring_bytes);
  std::vector<int> fds;
  for (const UniqueFd& fd : config.fds)
    fds.push_back(fd.get());
  CHECK(stage.launcher.send(config.type, config.body, fds).ok());
  if (notifier_) notifier_->let_go_of_records();
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
  if (notifier_) notifier_->reap(5'000);
}

/// In the session's cgroup, or as the first process of a pid namespace that the session is told of.
pid_t SessionProcess::spawn_payload(const std::function<int()>& body) {
  if (sensor_) return sensor::spawn(sensor_->cgroup().fd(), body);
  const auto filter =
      kernel::compile_seccomp(plan::contractor_table(), kernel::Listener::kAsked).take();
  int pidfd = -1;
  clone_args args{};
  args.flags = CLONE_PIDFD | CLONE_NEWPID;
  args.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  const long pid = syscall(SYS_clone3, &args, sizeof args);
  CHECK(pid >= 0);
  if (pid == 0) {
    load_filter(filter, notifier_->listener_fd());
    _exit(body());
  }
  notifier_->let_go_of_listener();
  CHECK(stage.launcher.send(protocol::Type::kWorkspace, "", std::array{pidfd}).ok());
  close(pidfd);
  return static_cast<pid_t>(pid);
}

void SessionProcess::start_payload(const std::function<int()>& body) {
  int start[2];
  CHECK(pipe2(start, O_CLOEXEC) == 0);
  payload_ = spawn_payload([&] {
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

/// Tells the payload's end as carrel-init would, while everything else plays on. Without a cgroup
/// the payload ends with init, which ends when its socket is closed.
bool SessionProcess::play_until(const std::function<bool()>& done, int timeout_ms) {
  return stage.until(
      [&] {
        int status = 0;
        if (notifier_ && payload_ > 0 && !stage.init.valid()) kill(payload_, SIGKILL);
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
  if (sensor_) CHECK(sensor_->tracer().arm(sensor_->sensor().slot).ok());
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
