// carrel-init: pid 1 of a workspace, uid 999 inside. Starts the payload behind the gate, reaps,
// reports the main command's status, forwards signals. Static, no heap, no exceptions; keeps
// CAP_KILL alone once the payload is on its way. Its own failures are records on the control
// socket.

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/box/init/init_plan.h"

namespace {

using carrel::init::InitPlan;
using carrel::init::InitRlimit;
using carrel::init::InitRule;
using carrel::init::PayloadStep;
using carrel::init::Record;
using carrel::init::RecordType;

void tell(RecordType type, int a, int b = 0) {
  const Record record{type, a, b, 0};
  // write(2), because a payload's filter may allow no socket call. The other side may have gone: then
  // there is nobody to tell, and a payload that SIGPIPE ends has nobody to run for.
  (void)!write(carrel::init::kControlFd, &record, sizeof record);
}

[[noreturn]] void fail(PayloadStep step) {
  tell(RecordType::kSetupFailed, static_cast<int>(step), errno);
  _exit(125);
}

/// The plan's bytes, with every offset and string inside them.
struct Plan {
  const char* bytes = nullptr;
  const InitPlan* head = nullptr;
  char* arguments[carrel::init::kMaxStrings + 2] = {};
  char* environment[carrel::init::kMaxStrings + 2] = {};
};

bool fits(const Plan& plan, uint32_t offset, uint64_t bytes) {
  return offset % 8 == 0 && offset <= plan.head->total_bytes &&
         bytes <= plan.head->total_bytes - offset;
}

const char* string_at(const Plan& plan, uint32_t offset) {
  if (offset >= plan.head->total_bytes) return nullptr;
  const void* end = memchr(plan.bytes + offset, 0, plan.head->total_bytes - offset);
  return end == nullptr ? nullptr : plan.bytes + offset;
}

bool read_strings(Plan* plan) {
  uint32_t at = plan->head->strings;
  const uint32_t total = plan->head->argument_count + plan->head->environment_count;
  for (uint32_t i = 0; i < total; ++i) {
    const char* text = string_at(*plan, at);
    if (text == nullptr) return false;
    // exec takes non-const pointers for historical reasons and does not write through them.
    char* entry = const_cast<char*>(text);
    if (i < plan->head->argument_count) {
      plan->arguments[i] = entry;
    } else {
      plan->environment[i - plan->head->argument_count] = entry;
    }
    at += static_cast<uint32_t>(strlen(text)) + 1;
  }
  return true;
}

bool read_plan(Plan* plan) {
  struct stat what {};
  errno = EINVAL;
  if (fstat(carrel::init::kPlanFd, &what) != 0 ||
      what.st_size < static_cast<off_t>(sizeof(InitPlan)))
    return false;
  void* memory = mmap(nullptr, static_cast<size_t>(what.st_size), PROT_READ, MAP_PRIVATE,
                      carrel::init::kPlanFd, 0);
  if (memory == MAP_FAILED) return false;
  plan->bytes = static_cast<const char*>(memory);
  plan->head = static_cast<const InitPlan*>(memory);
  const InitPlan& head = *plan->head;
  errno = EINVAL;
  return head.magic == carrel::init::kMagic &&
         head.total_bytes == static_cast<uint64_t>(what.st_size) && head.argument_count > 0 &&
         head.argument_count <= carrel::init::kMaxStrings &&
         head.environment_count <= carrel::init::kMaxStrings &&
         head.filter_count <= carrel::init::kMaxFilter &&
         head.rule_count <= carrel::init::kMaxRules &&
         head.rlimit_count <= carrel::init::kMaxRlimits &&
         fits(*plan, head.filter, sizeof(sock_filter) * uint64_t{head.filter_count}) &&
         fits(*plan, head.rules, sizeof(InitRule) * uint64_t{head.rule_count}) &&
         fits(*plan, head.rlimits, sizeof(InitRlimit) * uint64_t{head.rlimit_count}) &&
         string_at(*plan, head.directory) != nullptr && read_strings(plan);
}

void set_rlimits(const Plan& plan) {
  const auto* limits = reinterpret_cast<const InitRlimit*>(plan.bytes + plan.head->rlimits);
  for (uint32_t i = 0; i < plan.head->rlimit_count; ++i) {
    const rlimit limit{limits[i].soft, limits[i].hard};
    if (setrlimit(static_cast<__rlimit_resource_t>(limits[i].resource), &limit) != 0) {
      fail(PayloadStep::kRlimits);
    }
  }
}

/// Keeps only the capabilities of `keep` (capabilities(7)): all sets, ambient emptied.
bool limit_capabilities(uint64_t keep) {
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  for (int i = 0; i < 2; ++i) {
    const auto part = static_cast<uint32_t>(keep >> (32 * i));
    data[i].effective = part;
    data[i].permitted = part;
  }
  return syscall(SYS_capset, &header, data) == 0;
}

bool drop_bounding_set() {
  for (unsigned long cap = 0; cap < 64; ++cap) {
    if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0) return errno == EINVAL && cap > 0;
  }
  return true;
}

void restrict_paths(const Plan& plan) {
  const InitPlan& head = *plan.head;
  if (head.landlock_fs == 0) return;
  struct {
    uint64_t handled_access_fs;
    uint64_t handled_access_net;
    uint64_t scoped;
  } attributes{head.landlock_fs, 0, head.landlock_scoped};
  // Older kernels know a shorter struct; without scopes only its first field is used.
  const size_t size = head.landlock_scoped != 0 ? sizeof attributes : sizeof(uint64_t);
  const auto ruleset = static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, size, 0));
  if (ruleset < 0) fail(PayloadStep::kLandlock);
  const auto* rules = reinterpret_cast<const InitRule*>(plan.bytes + head.rules);
  for (uint32_t i = 0; i < head.rule_count; ++i) {
    const char* path = string_at(plan, rules[i].path);
    if (path == nullptr) fail(PayloadStep::kLandlock);
    const int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) fail(PayloadStep::kLandlock);
    const landlock_path_beneath_attr rule{rules[i].rights, fd};
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
      fail(PayloadStep::kLandlock);
    }
    close(fd);
  }
  if (syscall(SYS_landlock_restrict_self, ruleset, 0) != 0) fail(PayloadStep::kLandlock);
  close(ruleset);
}

void take_terminal(const Plan& plan) {
  if (setsid() < 0) fail(PayloadStep::kSession);
  if ((plan.head->flags & carrel::init::kUsesTerminal) == 0) return;
  if (ioctl(carrel::init::kTerminalFd, TIOCSCTTY, 0) != 0) fail(PayloadStep::kTerminal);
  for (int fd = 0; fd < 3; ++fd) {
    if (dup2(carrel::init::kTerminalFd, fd) < 0) fail(PayloadStep::kTerminal);
  }
}

/// The filter goes in last. Where it has a listener, the sensor must have that before anything is
/// notified: the next notified call is the payload's exec.
void load_filter(const Plan& plan) {
  const InitPlan& head = *plan.head;
  auto* filter =
      const_cast<sock_filter*>(reinterpret_cast<const sock_filter*>(plan.bytes + head.filter));
  const sock_fprog program{static_cast<unsigned short>(head.filter_count), filter};
  const bool notifies = (head.flags & carrel::init::kNotifies) != 0;
  // A received call can only be broken off by death: programs do not expect EINTR from these.
  const unsigned long flags =
      notifies ? SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV : 0UL;
  const auto listener =
      static_cast<int>(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));
  if (listener < 0) fail(PayloadStep::kSeccomp);
  if (!notifies) return;
  char byte = 'l';
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(rights), &listener, sizeof listener);
  if (sendmsg(carrel::init::kSensorFd, &message, MSG_NOSIGNAL) != 1) fail(PayloadStep::kListener);
  close(listener);
  close(carrel::init::kSensorFd);
}

/// Everything up to the gate, in an order that keeps the means for the next step: ids while there
/// are capabilities, Landlock's paths before seccomp, the filter last.
[[noreturn]] void run_payload(Plan* plan) {
  const InitPlan& head = *plan->head;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  // An ignored signal stays ignored over clone and exec (signal(7)); the launcher ignores SIGPIPE.
  for (int number = 1; number < NSIG; ++number)
    signal(number, SIG_DFL);
  take_terminal(*plan);
  set_rlimits(*plan);
  if (!drop_bounding_set()) fail(PayloadStep::kCapabilities);
  if (prctl(PR_SET_SECUREBITS, head.securebits, 0, 0, 0) != 0) fail(PayloadStep::kSecurebits);
  if (setresgid(head.gid, head.gid, head.gid) != 0 ||
      setresuid(head.uid, head.uid, head.uid) != 0) {
    fail(PayloadStep::kIds);
  }
  umask(head.umask);
  if (chdir(string_at(*plan, head.directory)) != 0) fail(PayloadStep::kDirectory);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail(PayloadStep::kNoNewPrivileges);
  restrict_paths(*plan);
  if (!limit_capabilities(0)) fail(PayloadStep::kCapabilities);
  const bool by_descriptor = (head.flags & carrel::init::kUsesProgramFd) != 0;
  // Control and gate stay until exec (close-on-exec); the rest goes now.
  fcntl(carrel::init::kControlFd, F_SETFD, FD_CLOEXEC);
  fcntl(carrel::init::kGateFd, F_SETFD, FD_CLOEXEC);
  if (by_descriptor) fcntl(carrel::init::kProgramFd, F_SETFD, FD_CLOEXEC);
  close(carrel::init::kPlanFd);  // its mapping stays
  if (!by_descriptor || (head.flags & carrel::init::kUsesTerminal) != 0)
    close(carrel::init::kTerminalFd);
  if (!by_descriptor) close(carrel::init::kProgramFd);
  if ((head.flags & carrel::init::kNotifies) == 0) close(carrel::init::kSensorFd);
  if (close_range(carrel::init::kLastFd + 1, ~0U, 0) != 0) fail(PayloadStep::kCloseDescriptors);
  load_filter(*plan);
  tell(RecordType::kReady, 0);
  char go = 0;
  ssize_t got = 0;
  do {
    got = read(carrel::init::kGateFd, &go, 1);
  } while (got < 0 && errno == EINTR);
  if (got != 1) _exit(125);  // the gate was shut: this payload never runs
  if (by_descriptor) {
    syscall(SYS_execveat, carrel::init::kProgramFd, "", plan->arguments, plan->environment,
            AT_EMPTY_PATH);
  } else {
    environ = plan->environment;  // execvpe searches the payload's PATH, not ours
    execvpe(plan->arguments[0], plan->arguments, plan->environment);
  }
  tell(RecordType::kExecFailed, errno);
  _exit(errno == ENOENT ? 127 : 126);
}

/// The main command leads a process group of its own; a shell's jobs hear of a hang-up from it.
void forward_signal(pid_t payload, int number) {
  if (number > 0 && number <= 64) kill(-payload, number);
}

void reap(pid_t payload) {
  int status = 0;
  for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
    if (pid == payload) tell(RecordType::kExited, status);
  }
}

[[noreturn]] void supervise(pid_t payload, int signals) {
  while (true) {
    pollfd waits[2] = {{carrel::init::kControlFd, POLLIN, 0}, {signals, POLLIN, 0}};
    if (poll(waits, 2, -1) < 0 && errno != EINTR) _exit(125);
    if (waits[1].revents != 0) {
      signalfd_siginfo info;
      if (read(signals, &info, sizeof info) > 0) reap(payload);
    }
    if (waits[0].revents == 0) continue;
    Record record{};
    const ssize_t got = recv(carrel::init::kControlFd, &record, sizeof record, 0);
    if (got == 0) _exit(125);  // the session has gone: the kernel kills the rest with pid 1
    if (got == sizeof record && record.type == RecordType::kSignal) {
      forward_signal(payload, record.a);
    }
  }
}

Plan the_plan;  // NOLINT: too large for the stack of a static program; written once

}  // namespace

int main() {
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  prctl(PR_SET_NAME, "carrel-init", 0, 0, 0);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  if (!read_plan(&the_plan)) fail(PayloadStep::kReadPlan);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  const int signals = signalfd(-1, &child, SFD_CLOEXEC);
  const pid_t payload = signals < 0 ? -1 : fork();
  if (payload < 0) fail(PayloadStep::kFork);
  if (payload == 0) run_payload(&the_plan);
  close(carrel::init::kGateFd);
  for (int fd = 0; fd < 3; ++fd)
    close(fd);
  if ((the_plan.head->flags & carrel::init::kUsesTerminal) != 0) close(carrel::init::kTerminalFd);
  if ((the_plan.head->flags & carrel::init::kUsesProgramFd) != 0) close(carrel::init::kProgramFd);
  if ((the_plan.head->flags & carrel::init::kNotifies) != 0) close(carrel::init::kSensorFd);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (!drop_bounding_set() || !limit_capabilities(uint64_t{1} << CAP_KILL)) {
    fail(PayloadStep::kCapabilities);
  }
  supervise(payload, signals);
}
