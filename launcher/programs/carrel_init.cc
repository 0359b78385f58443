// carrel-init: pid 1 of a workspace, uid 999 inside. Starts the payload behind the gate, and
// further commands when the session asks; reaps, reports their status, forwards signals. Static, no
// heap, no exceptions. It enters the payload's Landlock domain itself, so that all of them share
// it, and keeps what it needs to become the payload's uid and to signal: CAP_SETUID and CAP_SETGID
// over a map of two uids, and CAP_KILL. Its own failures are records on the control socket.

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
using carrel::init::Spawn;

constexpr uint64_t kKeptCapabilities =
    uint64_t{1} << CAP_KILL | uint64_t{1} << CAP_SETUID | uint64_t{1} << CAP_SETGID;

int the_channel = 0;  // of this process: 0 in init itself and for the main command

void tell(RecordType type, int a, int b = 0) {
  const Record record{type, a, b, the_channel};
  // write(2), because a payload's filter may allow no socket call. The other side may have gone:
  // then there is nobody to tell, and a payload that SIGPIPE ends has nobody to run for.
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

/// Of a process that leads a session of its own (setsid(2)).
void take_terminal(int terminal) {
  if (ioctl(terminal, TIOCSCTTY, 0) != 0) fail(PayloadStep::kTerminal);
  for (int fd = 0; fd < 3; ++fd) {
    if (dup2(terminal, fd) < 0) fail(PayloadStep::kTerminal);
  }
}

bool send_with_fd(int socket, const void* bytes, size_t size, int fd) {
  iovec part{const_cast<void*>(bytes), size};
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
  memcpy(CMSG_DATA(rights), &fd, sizeof fd);
  return sendmsg(socket, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(size);
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
  const char byte = 'l';
  if (!send_with_fd(carrel::init::kSensorFd, &byte, 1, listener)) fail(PayloadStep::kListener);
  close(listener);
  close(carrel::init::kSensorFd);
}

/// From init to the payload's uid without a capability.
void become_payload(const Plan& plan) {
  const InitPlan& head = *plan.head;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  // An ignored signal stays ignored over clone and exec (signal(7)); the launcher ignores SIGPIPE.
  for (int number = 1; number < NSIG; ++number)
    signal(number, SIG_DFL);
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
  fcntl(carrel::init::kControlFd, F_SETFD, FD_CLOEXEC);
}

/// Everything up to the gate, in an order that keeps the means for the next step: ids while there
/// are capabilities, the filter last.
[[noreturn]] void run_payload(Plan* plan) {
  const InitPlan& head = *plan->head;
  become_payload(*plan);
  if ((head.flags & carrel::init::kUsesTerminal) != 0) take_terminal(carrel::init::kTerminalFd);
  const bool by_descriptor = (head.flags & carrel::init::kUsesProgramFd) != 0;
  // Control and gate stay until exec (close-on-exec); the rest goes now.
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

// ---- further commands --------------------------------------------------------------------------

/// One packet from the session, checked. The strings point into `bytes`.
struct Wanted {
  alignas(Spawn) char bytes[carrel::init::kMaxSpawnBytes] = {};
  const Spawn* head = nullptr;
  int fds[3] = {-1, -1, -1};
  int fd_count = 0;
  char* arguments[carrel::init::kMaxStrings + 2] = {};
  char* environment[carrel::init::kMaxStrings + 2] = {};
};

void take_fds(msghdr* message, Wanted* wanted) {
  for (cmsghdr* c = CMSG_FIRSTHDR(message); c != nullptr; c = CMSG_NXTHDR(message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
      if (wanted->fd_count < 3) {
        wanted->fds[wanted->fd_count++] = fd;
      } else {
        close(fd);
      }
    }
  }
}

void close_fds(Wanted* wanted) {
  for (int i = 0; i < wanted->fd_count; ++i)
    close(wanted->fds[i]);
  wanted->fd_count = 0;
}

bool same_name(const char* one, const char* other) {
  const size_t length = strcspn(one, "=") + 1;
  return strncmp(one, other, length) == 0;
}

/// The plan's environment with the names that the request brings replaced.
void fill_environment(const Plan& plan, char* const* brought, uint32_t count, Wanted* wanted) {
  uint32_t at = 0;
  for (; at < plan.head->environment_count; ++at) {
    wanted->environment[at] = plan.environment[at];
    for (uint32_t i = 0; i < count; ++i) {
      if (same_name(brought[i], plan.environment[at])) wanted->environment[at] = brought[i];
    }
  }
  wanted->environment[at] = nullptr;
}

/// Arguments and environment inside what was received, and the descriptors that belong to it.
bool read_wanted(const Plan& plan, size_t size, Wanted* wanted) {
  if (size < sizeof(Spawn)) return false;
  wanted->head = reinterpret_cast<const Spawn*>(wanted->bytes);
  const uint32_t arguments = wanted->head->argument_count;
  const uint32_t brought = wanted->head->environment_count;
  if (arguments == 0 || arguments > carrel::init::kMaxStrings || brought > 8) return false;
  const bool terminal = (wanted->head->record.a & carrel::init::kSpawnTerminal) != 0;
  if (wanted->fd_count != (terminal ? 0 : 3)) return false;
  char* environment[8] = {};
  size_t at = sizeof(Spawn);
  for (uint32_t i = 0; i < arguments + brought; ++i) {
    char* text = wanted->bytes + at;
    const void* end = at < size ? memchr(text, 0, size - at) : nullptr;
    if (end == nullptr) return false;
    if (i < arguments) {
      wanted->arguments[i] = text;
    } else {
      environment[i - arguments] = text;
    }
    at += static_cast<size_t>(static_cast<const char*>(end) - text) + 1;
  }
  wanted->arguments[arguments] = nullptr;
  fill_environment(plan, environment, brought, wanted);
  return at == size;
}

/// A pty of the workspace's own devpts (pty(7)), which belongs to the payload; its master goes out.
void open_terminal() {
  const int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  int unlock = 0;
  if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) != 0) fail(PayloadStep::kTerminal);
  // Not close-on-exec: init has 0 to 2 closed, so it may be one of them.
  const int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
  if (slave < 0) fail(PayloadStep::kTerminal);
  const Record record{RecordType::kPty, 0, 0, the_channel};
  if (!send_with_fd(carrel::init::kControlFd, &record, sizeof record, master)) {
    fail(PayloadStep::kTerminal);
  }
  close(master);
  take_terminal(slave);
  if (slave > 2) close(slave);
}

[[noreturn]] void run_wanted(const Plan& plan, Wanted* wanted) {
  become_payload(plan);
  if (wanted->fd_count == 0) {
    open_terminal();
  } else {
    // They came under the lowest numbers, 0 to 2 in any order: out of the way first.
    int lifted[3] = {};
    for (int i = 0; i < 3; ++i)
      lifted[i] = fcntl(wanted->fds[i], F_DUPFD_CLOEXEC, carrel::init::kLastFd + 1);
    for (int fd = 0; fd < 3; ++fd) {
      if (lifted[fd] < 0 || dup2(lifted[fd], fd) < 0) fail(PayloadStep::kTerminal);
    }
  }
  const bool notifies = (plan.head->flags & carrel::init::kNotifies) != 0;
  if (close_range(3, carrel::init::kControlFd - 1, 0) != 0 ||
      close_range(carrel::init::kControlFd + 1, carrel::init::kSensorFd - 1, 0) != 0 ||
      close_range(notifies ? carrel::init::kLastFd + 1 : carrel::init::kSensorFd, ~0U, 0) != 0) {
    fail(PayloadStep::kCloseDescriptors);
  }
  load_filter(plan);
  tell(RecordType::kReady, 0);
  environ = wanted->environment;
  execvpe(wanted->arguments[0], wanted->arguments, wanted->environment);
  tell(RecordType::kExecFailed, errno);
  _exit(errno == ENOENT ? 127 : 126);
}

// ---- supervising -------------------------------------------------------------------------------

struct Command {
  pid_t pid = 0;  // 0: none
  int channel = 0;
};
/// The main command first.
Command the_commands[carrel::init::kMaxChannels + 1];

/// For one channel, from init itself.
void tell_of(int channel, RecordType type, int a, int b = 0) {
  the_channel = channel;
  tell(type, a, b);
  the_channel = 0;
}

void spawn(const Plan& plan, Wanted* wanted) {
  const int channel = wanted->head->record.c;
  Command* place = nullptr;
  for (Command& each : the_commands) {
    if (each.pid != 0 && each.channel == channel) return;  // a number is given once
    if (place == nullptr && each.pid == 0 && &each != &the_commands[0]) place = &each;
  }
  if (channel <= 0) return;
  if (place == nullptr) {
    return tell_of(channel, RecordType::kSetupFailed, static_cast<int>(PayloadStep::kNoRoom));
  }
  const pid_t pid = fork();
  if (pid < 0) {
    return tell_of(channel, RecordType::kSetupFailed, static_cast<int>(PayloadStep::kFork), errno);
  }
  if (pid == 0) {
    the_channel = channel;
    run_wanted(plan, wanted);
  }
  *place = {pid, channel};
}

/// Each command leads a process group of its own; a shell's jobs hear of a hang-up from it.
void forward_signal(int channel, int number) {
  if (number <= 0 || number > 64) return;
  for (const Command& each : the_commands) {
    if (each.pid == 0 || each.channel != channel) continue;
    // Before its setsid(2) it leads no group yet.
    if (kill(-each.pid, number) != 0 && errno == ESRCH) kill(each.pid, number);
  }
}

void reap() {
  int status = 0;
  for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
    for (Command& each : the_commands) {
      if (each.pid != pid) continue;
      each.pid = 0;
      tell_of(each.channel, RecordType::kExited, status);
    }
  }
}

void take_order(const Plan& plan, Wanted* wanted) {
  iovec part{wanted->bytes, sizeof wanted->bytes};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 3)] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t got = recvmsg(carrel::init::kControlFd, &message, MSG_CMSG_CLOEXEC);
  if (got == 0) _exit(125);  // the session has gone: the kernel kills the rest with pid 1
  if (got < 0) return;
  take_fds(&message, wanted);
  Record record{};
  if (got >= static_cast<ssize_t>(sizeof record)) memcpy(&record, wanted->bytes, sizeof record);
  if (got == sizeof record && record.type == RecordType::kSignal) {
    forward_signal(record.c, record.a);
  } else if (record.type == RecordType::kSpawn) {
    const bool whole = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
    if (whole && read_wanted(plan, static_cast<size_t>(got), wanted)) {
      spawn(plan, wanted);
    } else if (record.c > 0) {
      tell_of(record.c, RecordType::kSetupFailed, static_cast<int>(PayloadStep::kFork), EINVAL);
    }
  }
  close_fds(wanted);
}

[[noreturn]] void supervise(const Plan& plan, Wanted* wanted, int signals) {
  while (true) {
    pollfd waits[2] = {{carrel::init::kControlFd, POLLIN, 0}, {signals, POLLIN, 0}};
    if (poll(waits, 2, -1) < 0 && errno != EINTR) _exit(125);
    if (waits[1].revents != 0) {
      signalfd_siginfo info;
      if (read(signals, &info, sizeof info) > 0) reap();
    }
    if (waits[0].revents != 0) take_order(plan, wanted);
  }
}

Plan the_plan;      // NOLINT: too large for the stack of a static program; written once
Wanted the_wanted;  // NOLINT: the same; one request at a time

}  // namespace

int main() {
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  prctl(PR_SET_NAME, "carrel-init", 0, 0, 0);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  if (!read_plan(&the_plan)) fail(PayloadStep::kReadPlan);
  const InitPlan& head = *the_plan.head;
  // Once, for every command: what cannot be taken back. A Landlock domain of its own for each would
  // keep one terminal's programs from signalling another's.
  if (!drop_bounding_set()) fail(PayloadStep::kCapabilities);
  if (prctl(PR_SET_SECUREBITS, head.securebits, 0, 0, 0) != 0) fail(PayloadStep::kSecurebits);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail(PayloadStep::kNoNewPrivileges);
  restrict_paths(the_plan);
  if (!limit_capabilities(kKeptCapabilities)) fail(PayloadStep::kCapabilities);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  const int signals = signalfd(-1, &child, SFD_CLOEXEC);
  const pid_t payload = signals < 0 ? -1 : fork();
  if (payload < 0) fail(PayloadStep::kFork);
  if (payload == 0) run_payload(&the_plan);
  the_commands[0] = {payload, 0};
  close(carrel::init::kGateFd);
  for (int fd = 0; fd < 3; ++fd)
    close(fd);
  if ((head.flags & carrel::init::kUsesTerminal) != 0) close(carrel::init::kTerminalFd);
  if ((head.flags & carrel::init::kUsesProgramFd) != 0) close(carrel::init::kProgramFd);
  supervise(the_plan, &the_wanted, signals);
}
