#include "launcher/box/pid1/payload.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "launcher/box/pid1/bounds.h"
#include "launcher/box/pid1/telling.h"

namespace carrel::pid1 {

using init::InitPlan;
using init::InitRlimit;
using init::PayloadStep;
using init::RecordType;

namespace {

void set_rlimits(const Plan& plan) {
  const auto* limits = reinterpret_cast<const InitRlimit*>(plan.bytes + plan.head->rlimits);
  for (uint32_t i = 0; i < plan.head->rlimit_count; ++i) {
    const rlimit limit{limits[i].soft, limits[i].hard};
    if (setrlimit(static_cast<__rlimit_resource_t>(limits[i].resource), &limit) != 0) {
      fail(PayloadStep::kRlimits);
    }
  }
}

/// Of a process that leads a session of its own (setsid(2)).
void take_terminal(int terminal) {
  if (ioctl(terminal, TIOCSCTTY, 0) != 0) fail(PayloadStep::kTerminal);
  for (int fd = 0; fd < 3; ++fd) {
    if (dup2(terminal, fd) < 0) fail(PayloadStep::kTerminal);
  }
}

/// The filter goes in last. Where it has a listener, the sensor must have that before anything is
/// notified: the next notified call is the payload's exec.
void load_filter(const Plan& plan) {
  const InitPlan& head = *plan.head;
  auto* filter =
      const_cast<sock_filter*>(reinterpret_cast<const sock_filter*>(plan.bytes + head.filter));
  const sock_fprog program{static_cast<unsigned short>(head.filter_count), filter};
  const bool notifies = (head.flags & init::kNotifies) != 0;
  // A received call can only be broken off by death: programs do not expect EINTR from these.
  const unsigned long flags =
      notifies ? SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV : 0UL;
  const auto listener =
      static_cast<int>(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));
  if (listener < 0) fail(PayloadStep::kSeccomp);
  if (!notifies) return;
  const char byte = 'l';
  if (!send_with_fd(init::kSensorFd, &byte, 1, listener)) fail(PayloadStep::kListener);
  close(listener);
  close(init::kSensorFd);
}

/// From init to the payload's uid without a capability.
void become_payload(const Plan& plan) {
  const InitPlan& head = *plan.head;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  // An ignored signal stays ignored over clone and exec (signal(7)); the launcher ignores SIGPIPE.
  for (int number = 1; number < NSIG; ++number)
    signal(number, SIG_DFL);  // NOLINT(concurrency-mt-unsafe): one thread
  if (setsid() < 0) fail(PayloadStep::kSession);
  set_rlimits(plan);
  if (setresgid(head.gid, head.gid, head.gid) != 0 ||
      setresuid(head.uid, head.uid, head.uid) != 0) {
    fail(PayloadStep::kIds);
  }
  umask(head.umask);
  if (chdir(string_at(plan, head.directory)) != 0) fail(PayloadStep::kDirectory);
  if (!limit_capabilities(0)) fail(PayloadStep::kCapabilities);
  // A change of ids sets it to fs.suid_dumpable (proc_sys_fs(5)): nobody looks in before the exec.
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  // The record that an exec has failed still goes out.
  fcntl(init::kControlFd, F_SETFD, FD_CLOEXEC);
}

/// A pty of the workspace's own devpts (pty(7)), which belongs to the payload; its master goes out.
void open_terminal() {
  const int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  int unlock = 0;
  if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) != 0) fail(PayloadStep::kTerminal);
  // Not close-on-exec: init has 0 to 2 closed, so it may be one of them.
  const int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
  if (slave < 0) fail(PayloadStep::kTerminal);
  if (!tell_with_fd(RecordType::kPty, master)) fail(PayloadStep::kTerminal);
  close(master);
  take_terminal(slave);
  if (slave > 2) close(slave);
}

}  // namespace

/// Everything up to the gate, in an order that keeps the means for the next step: ids while there
/// are capabilities, the filter last.
void run_payload(Plan* plan) {
  const InitPlan& head = *plan->head;
  become_payload(*plan);
  if ((head.flags & init::kUsesTerminal) != 0) take_terminal(init::kTerminalFd);
  const bool by_descriptor = (head.flags & init::kUsesProgramFd) != 0;
  // Control and gate stay until exec (close-on-exec); the rest goes now.
  fcntl(init::kGateFd, F_SETFD, FD_CLOEXEC);
  if (by_descriptor) fcntl(init::kProgramFd, F_SETFD, FD_CLOEXEC);
  close(init::kPlanFd);  // its mapping stays
  if (!by_descriptor || (head.flags & init::kUsesTerminal) != 0) close(init::kTerminalFd);
  if (!by_descriptor) close(init::kProgramFd);
  if ((head.flags & init::kNotifies) == 0) close(init::kSensorFd);
  if (close_range(init::kLastFd + 1, ~0U, 0) != 0) fail(PayloadStep::kCloseDescriptors);
  load_filter(*plan);
  tell(RecordType::kReady, 0);
  char go = 0;
  ssize_t got = 0;
  do {
    got = read(init::kGateFd, &go, 1);
  } while (got < 0 && errno == EINTR);
  if (got != 1) _exit(125);  // the gate was shut: this payload never runs
  if (by_descriptor) {
    syscall(SYS_execveat, init::kProgramFd, "", plan->arguments, plan->environment, AT_EMPTY_PATH);
  } else {
    environ = plan->environment;  // execvpe searches the payload's PATH, not ours
    execvpe(plan->arguments[0], plan->arguments, plan->environment);
  }
  tell(RecordType::kExecFailed, errno);
  _exit(errno == ENOENT ? 127 : 126);
}

void run_wanted(const Plan& plan, Wanted* wanted) {
  become_payload(plan);
  if (wanted->fd_count == 0) {
    open_terminal();
  } else {
    // They came under the lowest numbers, 0 to 2 in any order: out of the way first.
    int lifted[3] = {};
    for (int i = 0; i < 3; ++i)
      lifted[i] = fcntl(wanted->fds[i], F_DUPFD_CLOEXEC, init::kLastFd + 1);
    for (int fd = 0; fd < 3; ++fd) {
      if (lifted[fd] < 0 || dup2(lifted[fd], fd) < 0) fail(PayloadStep::kTerminal);
    }
  }
  const bool notifies = (plan.head->flags & init::kNotifies) != 0;
  if (close_range(3, init::kControlFd - 1, 0) != 0 ||
      close_range(init::kControlFd + 1, init::kSensorFd - 1, 0) != 0 ||
      close_range(notifies ? init::kLastFd + 1 : init::kSensorFd, ~0U, 0) != 0) {
    fail(PayloadStep::kCloseDescriptors);
  }
  load_filter(plan);
  tell(RecordType::kReady, 0);
  environ = wanted->environment;
  execvpe(wanted->arguments[0], wanted->arguments, wanted->environment);
  tell(RecordType::kExecFailed, errno);
  _exit(errno == ENOENT ? 127 : 126);
}

}  // namespace carrel::pid1
