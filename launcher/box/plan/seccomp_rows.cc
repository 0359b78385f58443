// The rows of the table. What is not argued about in its own function below is one line: a name,
// its number and why.

#include <cerrno>
#include <utility>

#include "launcher/box/plan/seccomp_table.h"

namespace carrel::plan {
namespace {

constexpr std::string_view kFiles = "files: mounts, rights and Landlock decide, the sensor records";
constexpr std::string_view kMemory = "its own memory; the control group bounds it";
constexpr std::string_view kWaiting =
    "waiting, timers as descriptors, locks, old asynchronous reads";
constexpr std::string_view kSignals =
    "signals: its own processes only, pid namespace and uid decide";
constexpr std::string_view kProcesses =
    "processes: pid namespace, limits and priorities of its own uid";
constexpr std::string_view kIdentity =
    "no capability and no second uid to go to; programs ask anyway";
constexpr std::string_view kClocks = "reading clocks and setting its own alarms";
constexpr std::string_view kSockets =
    "a socket it could make; the network namespace decides where it leads";
constexpr std::string_view kIpc = "its own IPC namespace";
constexpr std::string_view kAsk = "asks, changes nothing";
constexpr std::string_view kNarrow = "a program may give up more; it never widens";
constexpr std::string_view kDebug =
    "debuggers: same uid only, init has another and is not dumpable; the filter runs after the "
    "tracer";

constexpr std::string_view kMounts = "the view is fixed: no mount, no other root";
constexpr std::string_view kNamespaces =
    "no other namespaces: they open kernel code meant for root";
constexpr std::string_view kHandles = "handles name files past every mount";
constexpr std::string_view kKeys = "kernel keyrings reach beyond the workspace";
constexpr std::string_view kKernelCode = "runs code in the kernel, or stops it at will";
constexpr std::string_view kMachine = "changes or watches the whole machine";
constexpr std::string_view kSetClock = "the record needs the machine's clock";
constexpr std::string_view kOthers = "looks into or takes from other processes";
constexpr std::string_view kPages =
    "moves pages between processes or nodes; a long record of kernel bugs";
constexpr std::string_view kWatchAll = "watches whole file systems";
constexpr std::string_view kHiddenMemory = "memory that no reviewer's tool can look at";
constexpr std::string_view kInodeFlags =
    "inode flags and project ids step round quotas; labels are ours";
constexpr std::string_view kOthersDebug =
    "other processes' memory without a stop; debuggers fall back to ptrace on ENOSYS";
constexpr std::string_view kUring = "works past the sensor; unreachable without io_uring_setup";
constexpr std::string_view kUringTry =
    "works past the sensor; libraries try it and fall back on ENOSYS";
constexpr std::string_view kClone3 =
    "hides its flags from a filter; the C library falls back to clone on ENOSYS";
constexpr std::string_view kNuma = "libnuma then sees a machine without nodes";
constexpr std::string_view kListMounts = "mountinfo tells the same of its own namespace";
constexpr std::string_view kGone = "gone from the kernel, or of no use to a program of today";

Row allow(std::string_view name, uint32_t number, std::string_view reason) {
  return {name, number, Action::kAllow, 0, Report::kQuiet, reason, {}};
}

Row deny(std::string_view name, uint32_t number, std::string_view reason) {
  return {name, number, Action::kErrno, EPERM, Report::kEvent, reason, {}};
}

Row absent(std::string_view name, uint32_t number, std::string_view reason,
           Report report = Report::kQuiet) {
  return {name, number, Action::kErrno, ENOSYS, report, reason, {}};
}

Clause allow_when(std::vector<Compare> when, std::string_view reason) {
  return {std::move(when), Action::kAllow, 0, Report::kQuiet, reason};
}

constexpr uint32_t kNewNamespaces = 0x7E020000;  // CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}
// All but CLONE_FS, CLONE_FILES, CLONE_SYSVSEM: flags to come stay refused.
constexpr uint32_t kNotOwnThread = ~0x00040600U;

Row clone_row() {
  Row row = deny("clone", 56, kNamespaces);
  row.clauses = {
      allow_when({{0, kNewNamespaces, 0}}, "threads and processes in the same namespaces")};
  return row;
}

Row unshare_row() {
  Row row = deny("unshare", 272, kNamespaces);
  row.clauses = {
      allow_when({{0, kNotOwnThread, 0}},
                 "stops sharing descriptors or working directory among its own threads")};
  return row;
}

Row socket_row() {
  constexpr uint32_t kUnix = 1, kInet = 2, kInet6 = 10, kNetlink = 16;
  constexpr uint32_t kNoFlags = 0xFFF7F7FF;  // without SOCK_CLOEXEC and SOCK_NONBLOCK
  constexpr uint32_t kStream = 1, kDatagram = 2;
  constexpr uint32_t kTcp = 6, kUdp = 17, kMptcp = 262;
  constexpr uint32_t kRoute = 0, kAudit = 9;
  Row row = deny("socket", 41,
                 "other families and raw sockets: they load modules and some (vsock) leave the "
                 "network namespace");
  row.clauses.push_back(allow_when({{0, ~0U, kUnix}}, "between its own processes"));
  for (uint32_t family : {kInet, kInet6}) {
    for (uint32_t protocol : {0U, kTcp}) {
      row.clauses.push_back(
          allow_when({{0, ~0U, family}, {1, kNoFlags, kStream}, {2, ~0U, protocol}},
                     "TCP inside its network namespace"));
    }
    for (uint32_t protocol : {0U, kUdp}) {
      row.clauses.push_back(
          allow_when({{0, ~0U, family}, {1, kNoFlags, kDatagram}, {2, ~0U, protocol}},
                     "UDP inside its network namespace"));
    }
    row.clauses.push_back({{{0, ~0U, family}, {2, ~0U, kMptcp}},
                           Action::kErrno,
                           EPROTONOSUPPORT,
                           Report::kQuiet,
                           "multipath TCP: run-times try it first and fall back"});
  }
  row.clauses.push_back(
      allow_when({{0, ~0U, kNetlink}, {2, ~0U, kRoute}},
                 "which interfaces and addresses are there; changing needs a capability"));
  row.clauses.push_back({{{0, ~0U, kNetlink}, {2, ~0U, kAudit}},
                         Action::kErrno,
                         EAFNOSUPPORT,
                         Report::kQuiet,
                         "libaudit then takes auditing for absent"});
  return row;
}

Row socketpair_row() {
  Row row = deny("socketpair", 53, "only UNIX pairs are of use; others load modules");
  row.clauses = {allow_when({{0, ~0U, 1}}, "between its own processes")};
  return row;
}

Row ioctl_row() {
  Row row =
      allow("ioctl", 16, "devices inside are few: null, zero, full, random, its own terminals");
  const auto refuse = [&row](uint32_t request, std::string_view reason) {
    row.clauses.push_back({{{1, ~0U, request}}, Action::kErrno, EPERM, Report::kEvent, reason});
  };
  refuse(0x5412, "TIOCSTI types on a terminal in somebody's name");
  refuse(0x541C, "TIOCLINUX pastes the console's selection");
  refuse(0x541D, "TIOCCONS takes over the console's output");
  refuse(0x5423, "TIOCSETD loads line disciplines");
  refuse(0x40086602, "FS_IOC_SETFLAGS: inode flags outlive the session");
  refuse(0x40046602, "FS_IOC32_SETFLAGS: the same from the 32-bit layout");
  refuse(0x401C5820, "FS_IOC_FSSETXATTR: a project id steps round quotas");
  refuse(0x40806685, "FS_IOC_ENABLE_VERITY makes a file unchangeable for the tree difference");
  refuse(0x800C6613, "FS_IOC_SET_ENCRYPTION_POLICY: keys of the store are ours");
  refuse(0xC0506617, "FS_IOC_ADD_ENCRYPTION_KEY: keys of the store are ours");
  refuse(0xC0406618, "FS_IOC_REMOVE_ENCRYPTION_KEY: keys of the store are ours");
  refuse(0xC0406619, "FS_IOC_REMOVE_ENCRYPTION_KEY_ALL_USERS: keys of the store are ours");
  return row;
}

/// Of an ordinary user init has the payload's uid, and with it the payload would have a say in its
/// limits: a limit of processor time is a signal from the kernel, which kills pid 1 too.
Row prlimit_row() {
  constexpr uint32_t kInit = 1;
  Row row = allow("prlimit64", 302, kProcesses);
  row.clauses = {{{{0, ~0U, kInit}},
                  Action::kErrno,
                  EPERM,
                  Report::kEvent,
                  "init: its limits would end the workspace"}};
  return row;
}

Row prctl_row() {
  Row row =
      deny("prctl", 157,
           "options that change what others see of the process, count events or schedule cores");
  // PR_SET_PDEATHSIG, GET_PDEATHSIG, GET_DUMPABLE, SET_DUMPABLE, GET_KEEPCAPS, SET_KEEPCAPS,
  // SET_NAME, GET_NAME, GET_SECCOMP, SET_SECCOMP, CAPBSET_READ, CAPBSET_DROP, GET_TSC, SET_TSC,
  // GET_SECUREBITS, SET_SECUREBITS, SET_TIMERSLACK, GET_TIMERSLACK, SET_CHILD_SUBREAPER,
  // GET_CHILD_SUBREAPER, SET_NO_NEW_PRIVS, GET_NO_NEW_PRIVS, GET_TID_ADDRESS, SET_THP_DISABLE,
  // GET_THP_DISABLE, CAP_AMBIENT, GET_SPECULATION_CTRL, SET_SPECULATION_CTRL,
  // SET_SYSCALL_USER_DISPATCH, SET_MDWE, GET_MDWE, SET_MEMORY_MERGE, GET_MEMORY_MERGE, SET_VMA,
  // SET_PTRACER.
  for (uint32_t option : {1U,  2U,  3U,  4U,  7U,  8U,  15U, 16U, 21U, 22U,         23U,        24U,
                          25U, 26U, 27U, 28U, 29U, 30U, 36U, 37U, 38U, 39U,         40U,        41U,
                          42U, 47U, 52U, 53U, 59U, 65U, 66U, 67U, 68U, 0x53564D41U, 0x59616D61U}) {
    row.clauses.push_back(allow_when({{0, ~0U, option}}, "a process about itself"));
  }
  return row;
}

Row personality_row() {
  Row row = deny("personality", 135, "odd layouts of memory weaken the program that asks for them");
  row.clauses = {allow_when({{0, ~0U, 0}}, "the ordinary one"),
                 allow_when({{0, ~0U, 0xFFFFFFFF}}, "asks, changes nothing")};
  return row;
}

Row seccomp_row() {
  constexpr uint32_t kNewListener = 8;  // SECCOMP_FILTER_FLAG_NEW_LISTENER
  Row row = deny("seccomp", 317, "a listener of its own could answer calls in the sensor's sight");
  row.clauses = {allow_when({{0, ~0U, 0}}, kNarrow),
                 allow_when({{0, ~0U, 1}, {1, kNewListener, 0}}, kNarrow),
                 allow_when({{0, ~0U, 2}}, kAsk), allow_when({{0, ~0U, 3}}, kAsk)};
  return row;
}

// Device nodes are refused; files, pipes and sockets are made as with open.
Row node_row(std::string_view name, uint32_t number, uint8_t mode_argument) {
  constexpr uint32_t kType = 0xF000;
  Row row = deny(name, number, "device nodes lead past every file's rights");
  for (uint32_t type : {0x0000U, 0x8000U, 0x1000U, 0xC000U}) {
    row.clauses.push_back(allow_when({{mode_argument, kType, type}}, "a file, a pipe or a socket"));
  }
  return row;
}

Row mknod_row() {
  return node_row("mknod", 133, 1);
}
Row mknodat_row() {
  return node_row("mknodat", 259, 2);
}

Table make_contractor_table() {
  Table table;
  // clang-format off
  table.rows = {
      allow("read", 0, kFiles),
      allow("write", 1, kFiles),
      allow("open", 2, kFiles),
      allow("close", 3, kFiles),
      allow("stat", 4, kFiles),
      allow("fstat", 5, kFiles),
      allow("lstat", 6, kFiles),
      allow("poll", 7, kWaiting),
      allow("lseek", 8, kFiles),
      allow("mmap", 9, kMemory),
      allow("mprotect", 10, kMemory),
      allow("munmap", 11, kMemory),
      allow("brk", 12, kMemory),
      allow("rt_sigaction", 13, kSignals),
      allow("rt_sigprocmask", 14, kSignals),
      allow("rt_sigreturn", 15, kSignals),
      ioctl_row(),
      allow("pread64", 17, kFiles),
      allow("pwrite64", 18, kFiles),
      allow("readv", 19, kFiles),
      allow("writev", 20, kFiles),
      allow("access", 21, kFiles),
      allow("pipe", 22, kFiles),
      allow("select", 23, kWaiting),
      allow("sched_yield", 24, kProcesses),
      allow("mremap", 25, kMemory),
      allow("msync", 26, kMemory),
      allow("mincore", 27, kMemory),
      allow("madvise", 28, kMemory),
      allow("shmget", 29, kIpc),
      allow("shmat", 30, kIpc),
      allow("shmctl", 31, kIpc),
      allow("dup", 32, kFiles),
      allow("dup2", 33, kFiles),
      allow("pause", 34, kWaiting),
      allow("nanosleep", 35, kWaiting),
      allow("getitimer", 36, kClocks),
      allow("alarm", 37, kClocks),
      allow("setitimer", 38, kClocks),
      allow("getpid", 39, kProcesses),
      allow("sendfile", 40, kFiles),
      socket_row(),
      allow("connect", 42, kSockets),
      allow("accept", 43, kSockets),
      allow("sendto", 44, kSockets),
      allow("recvfrom", 45, kSockets),
      allow("sendmsg", 46, kSockets),
      allow("recvmsg", 47, kSockets),
      allow("shutdown", 48, kSockets),
      allow("bind", 49, kSockets),
      allow("listen", 50, kSockets),
      allow("getsockname", 51, kSockets),
      allow("getpeername", 52, kSockets),
      socketpair_row(),
      allow("setsockopt", 54, kSockets),
      allow("getsockopt", 55, kSockets),
      clone_row(),
      allow("fork", 57, kProcesses),
      allow("vfork", 58, kProcesses),
      allow("execve", 59, kProcesses),
      allow("exit", 60, kProcesses),
      allow("wait4", 61, kProcesses),
      allow("kill", 62, kSignals),
      allow("uname", 63, kAsk),
      allow("semget", 64, kIpc),
      allow("semop", 65, kIpc),
      allow("semctl", 66, kIpc),
      allow("shmdt", 67, kIpc),
      allow("msgget", 68, kIpc),
      allow("msgsnd", 69, kIpc),
      allow("msgrcv", 70, kIpc),
      allow("msgctl", 71, kIpc),
      allow("fcntl", 72, kFiles),
      allow("flock", 73, kFiles),
      allow("fsync", 74, kFiles),
      allow("fdatasync", 75, kFiles),
      allow("truncate", 76, kFiles),
      allow("ftruncate", 77, kFiles),
      allow("getdents", 78, kFiles),
      allow("getcwd", 79, kFiles),
      allow("chdir", 80, kFiles),
      allow("fchdir", 81, kFiles),
      allow("rename", 82, kFiles),
      allow("mkdir", 83, kFiles),
      allow("rmdir", 84, kFiles),
      allow("creat", 85, kFiles),
      allow("link", 86, kFiles),
      allow("unlink", 87, kFiles),
      allow("symlink", 88, kFiles),
      allow("readlink", 89, kFiles),
      allow("chmod", 90, kFiles),
      allow("fchmod", 91, kFiles),
      allow("chown", 92, kFiles),
      allow("fchown", 93, kFiles),
      allow("lchown", 94, kFiles),
      allow("umask", 95, kFiles),
      allow("gettimeofday", 96, kClocks),
      allow("getrlimit", 97, kProcesses),
      allow("getrusage", 98, kProcesses),
      allow("sysinfo", 99, kAsk),
      allow("times", 100, kProcesses),
      allow("ptrace", 101, kDebug),
      allow("getuid", 102, kIdentity),
      deny("syslog", 103, kMachine),
      allow("getgid", 104, kIdentity),
      allow("setuid", 105, kIdentity),
      allow("setgid", 106, kIdentity),
      allow("geteuid", 107, kIdentity),
      allow("getegid", 108, kIdentity),
      allow("setpgid", 109, kProcesses),
      allow("getppid", 110, kProcesses),
      allow("getpgrp", 111, kProcesses),
      allow("setsid", 112, kProcesses),
      allow("setreuid", 113, kIdentity),
      allow("setregid", 114, kIdentity),
      allow("getgroups", 115, kIdentity),
      allow("setgroups", 116, kIdentity),
      allow("setresuid", 117, kIdentity),
      allow("getresuid", 118, kIdentity),
      allow("setresgid", 119, kIdentity),
      allow("getresgid", 120, kIdentity),
      allow("getpgid", 121, kProcesses),
      allow("setfsuid", 122, kIdentity),
      allow("setfsgid", 123, kIdentity),
      allow("getsid", 124, kProcesses),
      allow("capget", 125, kIdentity),
      allow("capset", 126, kIdentity),
      allow("rt_sigpending", 127, kSignals),
      allow("rt_sigtimedwait", 128, kSignals),
      allow("rt_sigqueueinfo", 129, kSignals),
      allow("rt_sigsuspend", 130, kSignals),
      allow("sigaltstack", 131, kSignals),
      allow("utime", 132, kFiles),
      mknod_row(),
      absent("uselib", 134, kGone),
      personality_row(),
      absent("ustat", 136, kGone),
      allow("statfs", 137, kFiles),
      allow("fstatfs", 138, kFiles),
      absent("sysfs", 139, kGone),
      allow("getpriority", 140, kProcesses),
      allow("setpriority", 141, kProcesses),
      allow("sched_setparam", 142, kProcesses),
      allow("sched_getparam", 143, kProcesses),
      allow("sched_setscheduler", 144, kProcesses),
      allow("sched_getscheduler", 145, kProcesses),
      allow("sched_get_priority_max", 146, kProcesses),
      allow("sched_get_priority_min", 147, kProcesses),
      allow("sched_rr_get_interval", 148, kProcesses),
      allow("mlock", 149, kMemory),
      allow("munlock", 150, kMemory),
      allow("mlockall", 151, kMemory),
      allow("munlockall", 152, kMemory),
      deny("vhangup", 153, kMachine),
      deny("modify_ldt", 154, kMachine),
      deny("pivot_root", 155, kMounts),
      absent("_sysctl", 156, kGone),
      prctl_row(),
      allow("arch_prctl", 158, kProcesses),
      deny("adjtimex", 159, kSetClock),
      allow("setrlimit", 160, kProcesses),
      deny("chroot", 161, kMounts),
      allow("sync", 162, kFiles),
      deny("acct", 163, kMachine),
      deny("settimeofday", 164, kSetClock),
      deny("mount", 165, kMounts),
      deny("umount2", 166, kMounts),
      deny("swapon", 167, kMachine),
      deny("swapoff", 168, kMachine),
      deny("reboot", 169, kMachine),
      deny("sethostname", 170, kMachine),
      deny("setdomainname", 171, kMachine),
      deny("iopl", 172, kMachine),
      deny("ioperm", 173, kMachine),
      absent("create_module", 174, kGone),
      deny("init_module", 175, kKernelCode),
      deny("delete_module", 176, kKernelCode),
      absent("get_kernel_syms", 177, kGone),
      absent("query_module", 178, kGone),
      deny("quotactl", 179, kMachine),
      absent("nfsservctl", 180, kGone),
      absent("getpmsg", 181, kGone),
      absent("putpmsg", 182, kGone),
      absent("afs_syscall", 183, kGone),
      absent("tuxcall", 184, kGone),
      absent("security", 185, kGone),
      allow("gettid", 186, kProcesses),
      allow("readahead", 187, kFiles),
      allow("setxattr", 188, kFiles),
      allow("lsetxattr", 189, kFiles),
      allow("fsetxattr", 190, kFiles),
      allow("getxattr", 191, kFiles),
      allow("lgetxattr", 192, kFiles),
      allow("fgetxattr", 193, kFiles),
      allow("listxattr", 194, kFiles),
      allow("llistxattr", 195, kFiles),
      allow("flistxattr", 196, kFiles),
      allow("removexattr", 197, kFiles),
      allow("lremovexattr", 198, kFiles),
      allow("fremovexattr", 199, kFiles),
      allow("tkill", 200, kSignals),
      allow("time", 201, kClocks),
      allow("futex", 202, kWaiting),
      allow("sched_setaffinity", 203, kProcesses),
      allow("sched_getaffinity", 204, kProcesses),
      absent("set_thread_area", 205, kGone),
      allow("io_setup", 206, kWaiting),
      allow("io_destroy", 207, kWaiting),
      allow("io_getevents", 208, kWaiting),
      allow("io_submit", 209, kWaiting),
      allow("io_cancel", 210, kWaiting),
      absent("get_thread_area", 211, kGone),
      absent("lookup_dcookie", 212, kGone),
      allow("epoll_create", 213, kWaiting),
      absent("epoll_ctl_old", 214, kGone),
      absent("epoll_wait_old", 215, kGone),
      deny("remap_file_pages", 216, kPages),
      allow("getdents64", 217, kFiles),
      allow("set_tid_address", 218, kProcesses),
      allow("restart_syscall", 219, kWaiting),
      allow("semtimedop", 220, kIpc),
      allow("fadvise64", 221, kFiles),
      allow("timer_create", 222, kClocks),
      allow("timer_settime", 223, kClocks),
      allow("timer_gettime", 224, kClocks),
      allow("timer_getoverrun", 225, kClocks),
      allow("timer_delete", 226, kClocks),
      deny("clock_settime", 227, kSetClock),
      allow("clock_gettime", 228, kClocks),
      allow("clock_getres", 229, kClocks),
      allow("clock_nanosleep", 230, kWaiting),
      allow("exit_group", 231, kProcesses),
      allow("epoll_wait", 232, kWaiting),
      allow("epoll_ctl", 233, kWaiting),
      allow("tgkill", 234, kSignals),
      allow("utimes", 235, kFiles),
      absent("vserver", 236, kGone),
      absent("mbind", 237, kNuma),
      absent("set_mempolicy", 238, kNuma),
      absent("get_mempolicy", 239, kNuma),
      allow("mq_open", 240, kIpc),
      allow("mq_unlink", 241, kIpc),
      allow("mq_timedsend", 242, kIpc),
      allow("mq_timedreceive", 243, kIpc),
      allow("mq_notify", 244, kIpc),
      allow("mq_getsetattr", 245, kIpc),
      deny("kexec_load", 246, kKernelCode),
      allow("waitid", 247, kProcesses),
      deny("add_key", 248, kKeys),
      deny("request_key", 249, kKeys),
      deny("keyctl", 250, kKeys),
      allow("ioprio_set", 251, kProcesses),
      allow("ioprio_get", 252, kProcesses),
      allow("inotify_init", 253, kFiles),
      allow("inotify_add_watch", 254, kFiles),
      allow("inotify_rm_watch", 255, kFiles),
      deny("migrate_pages", 256, kPages),
      allow("openat", 257, kFiles),
      allow("mkdirat", 258, kFiles),
      mknodat_row(),
      allow("fchownat", 260, kFiles),
      allow("futimesat", 261, kFiles),
      allow("newfstatat", 262, kFiles),
      allow("unlinkat", 263, kFiles),
      allow("renameat", 264, kFiles),
      allow("linkat", 265, kFiles),
      allow("symlinkat", 266, kFiles),
      allow("readlinkat", 267, kFiles),
      allow("fchmodat", 268, kFiles),
      allow("faccessat", 269, kFiles),
      allow("pselect6", 270, kWaiting),
      allow("ppoll", 271, kWaiting),
      unshare_row(),
      allow("set_robust_list", 273, kWaiting),
      allow("get_robust_list", 274, kWaiting),
      allow("splice", 275, kFiles),
      allow("tee", 276, kFiles),
      allow("sync_file_range", 277, kFiles),
      deny("vmsplice", 278, kPages),
      deny("move_pages", 279, kPages),
      allow("utimensat", 280, kFiles),
      allow("epoll_pwait", 281, kWaiting),
      allow("signalfd", 282, kWaiting),
      allow("timerfd_create", 283, kWaiting),
      allow("eventfd", 284, kWaiting),
      allow("fallocate", 285, kFiles),
      allow("timerfd_settime", 286, kWaiting),
      allow("timerfd_gettime", 287, kWaiting),
      allow("accept4", 288, kSockets),
      allow("signalfd4", 289, kWaiting),
      allow("eventfd2", 290, kWaiting),
      allow("epoll_create1", 291, kWaiting),
      allow("dup3", 292, kFiles),
      allow("pipe2", 293, kFiles),
      allow("inotify_init1", 294, kFiles),
      allow("preadv", 295, kFiles),
      allow("pwritev", 296, kFiles),
      allow("rt_tgsigqueueinfo", 297, kSignals),
      deny("perf_event_open", 298, kKernelCode),
      allow("recvmmsg", 299, kSockets),
      deny("fanotify_init", 300, kWatchAll),
      deny("fanotify_mark", 301, kWatchAll),
      prlimit_row(),
      deny("name_to_handle_at", 303, kHandles),
      deny("open_by_handle_at", 304, kHandles),
      deny("clock_adjtime", 305, kSetClock),
      allow("syncfs", 306, kFiles),
      allow("sendmmsg", 307, kSockets),
      deny("setns", 308, kNamespaces),
      allow("getcpu", 309, kProcesses),
      absent("process_vm_readv", 310, kOthersDebug, Report::kEvent),
      absent("process_vm_writev", 311, kOthersDebug, Report::kEvent),
      deny("kcmp", 312, kOthers),
      deny("finit_module", 313, kKernelCode),
      allow("sched_setattr", 314, kProcesses),
      allow("sched_getattr", 315, kProcesses),
      allow("renameat2", 316, kFiles),
      seccomp_row(),
      allow("getrandom", 318, kAsk),
      allow("memfd_create", 319, kFiles),
      deny("kexec_file_load", 320, kKernelCode),
      deny("bpf", 321, kKernelCode),
      allow("execveat", 322, kProcesses),
      deny("userfaultfd", 323, kKernelCode),
      allow("membarrier", 324, kMemory),
      allow("mlock2", 325, kMemory),
      allow("copy_file_range", 326, kFiles),
      allow("preadv2", 327, kFiles),
      allow("pwritev2", 328, kFiles),
      allow("pkey_mprotect", 329, kMemory),
      allow("pkey_alloc", 330, kMemory),
      allow("pkey_free", 331, kMemory),
      allow("statx", 332, kFiles),
      allow("io_pgetevents", 333, kWaiting),
      allow("rseq", 334, kWaiting),
      allow("pidfd_send_signal", 424, kSignals),
      absent("io_uring_setup", 425, kUringTry),
      absent("io_uring_enter", 426, kUring, Report::kEvent),
      absent("io_uring_register", 427, kUring, Report::kEvent),
      deny("open_tree", 428, kMounts),
      deny("move_mount", 429, kMounts),
      deny("fsopen", 430, kMounts),
      deny("fsconfig", 431, kMounts),
      deny("fsmount", 432, kMounts),
      deny("fspick", 433, kMounts),
      allow("pidfd_open", 434, kSignals),
      absent("clone3", 435, kClone3),
      allow("close_range", 436, kFiles),
      allow("openat2", 437, kFiles),
      deny("pidfd_getfd", 438, kOthers),
      allow("faccessat2", 439, kFiles),
      deny("process_madvise", 440, kOthers),
      allow("epoll_pwait2", 441, kWaiting),
      deny("mount_setattr", 442, kMounts),
      deny("quotactl_fd", 443, kMachine),
      allow("landlock_create_ruleset", 444, kNarrow),
      allow("landlock_add_rule", 445, kNarrow),
      allow("landlock_restrict_self", 446, kNarrow),
      deny("memfd_secret", 447, kHiddenMemory),
      deny("process_mrelease", 448, kOthers),
      allow("futex_waitv", 449, kWaiting),
      absent("set_mempolicy_home_node", 450, kNuma),
      allow("cachestat", 451, kFiles),
      allow("fchmodat2", 452, kFiles),
      allow("map_shadow_stack", 453, kMemory),
      allow("futex_wake", 454, kWaiting),
      allow("futex_wait", 455, kWaiting),
      allow("futex_requeue", 456, kWaiting),
      absent("statmount", 457, kListMounts),
      absent("listmount", 458, kListMounts),
      allow("lsm_get_self_attr", 459, kAsk),
      deny("lsm_set_self_attr", 460, kInodeFlags),
      allow("lsm_list_modules", 461, kAsk),
      allow("mseal", 462, kMemory),
      allow("setxattrat", 463, kFiles),
      allow("getxattrat", 464, kFiles),
      allow("listxattrat", 465, kFiles),
      allow("removexattrat", 466, kFiles),
      deny("open_tree_attr", 467, kMounts),
      allow("file_getattr", 468, kFiles),
      deny("file_setattr", 469, kInodeFlags),
  };
  // clang-format on
  return table;
}

// Reading a repository and writing a folder needs no socket, no debugger and no second namespace.
Table make_slicer_table() {
  constexpr std::string_view kNone = "an internal workspace talks to nobody";
  Table table = make_contractor_table();
  for (Row& row : table.rows) {
    const bool socket = row.reason == kSockets || row.name == "socket" || row.name == "socketpair";
    if (socket || row.reason == kDebug || row.reason == kIpc)
      row = deny(row.name, row.number, kNone);
  }
  return table;
}

}  // namespace

const Table& contractor_table() {
  static const Table table = make_contractor_table();
  return table;
}

const Table& slicer_table() {
  static const Table table = make_slicer_table();
  return table;
}

}  // namespace carrel::plan
