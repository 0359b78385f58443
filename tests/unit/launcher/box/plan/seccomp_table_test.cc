#include "launcher/box/plan/seccomp_table.h"

#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace carrel::plan {
namespace {

constexpr uint64_t kHigh = 0xFFFFFFFF00000000;

// 0 for allowed, else the errno.
int answer(std::string_view name, const SyscallArguments& arguments = {}) {
  for (const Row& row : contractor_table().rows) {
    if (row.name != name) continue;
    const Verdict verdict = evaluate(contractor_table(), kArchX86_64, row.number, arguments);
    return verdict.action == Action::kAllow ? 0 : verdict.error;
  }
  ADD_FAILURE() << "no row " << name;
  return -1;
}

uint32_t number_of(std::string_view name) {
  for (const Row& row : contractor_table().rows) {
    if (row.name == name) return row.number;
  }
  return 0xFFFF;
}

TEST(SeccompTable, RowsAscendAndEachHasAReason) {
  for (const Table* table : {&contractor_table(), &slicer_table()}) {
    uint32_t last = 0;
    for (const Row& row : table->rows) {
      EXPECT_TRUE(row.number == 0 || row.number > last) << row.name;
      last = row.number;
      EXPECT_FALSE(row.name.empty());
      EXPECT_FALSE(row.reason.empty()) << row.name;
      EXPECT_EQ(row.action == Action::kErrno, row.error != 0) << row.name;
      for (const Clause& clause : row.clauses) {
        EXPECT_FALSE(clause.reason.empty()) << row.name;
        EXPECT_FALSE(clause.when.empty()) << row.name;
        for (const Compare& compare : clause.when)
          EXPECT_EQ(compare.value & ~compare.mask, 0U);
      }
    }
  }
}

// Libseccomp keeps no order among the rules of a call, so two clauses must never hold at once.
TEST(SeccompTable, ClausesOfARowExcludeEachOther) {
  for (const Row& row : contractor_table().rows) {
    for (size_t i = 0; i < row.clauses.size(); ++i) {
      for (size_t j = i + 1; j < row.clauses.size(); ++j) {
        bool apart = row.clauses[i].action == row.clauses[j].action &&
                     row.clauses[i].error == row.clauses[j].error;
        for (const Compare& a : row.clauses[i].when) {
          for (const Compare& b : row.clauses[j].when) {
            if (a.argument != b.argument) continue;
            apart = apart || ((a.value ^ b.value) & a.mask & b.mask) != 0;
          }
        }
        EXPECT_TRUE(apart) << row.name << " clauses " << i << " and " << j;
      }
    }
  }
}

TEST(SeccompTable, KeepsTheLimitsOfInitFromWhoHasItsUid) {
  for (const uint64_t high : {uint64_t{0}, kHigh})
    EXPECT_EQ(answer("prlimit64", {high | 1, 0, 1, 0}), EPERM);
  for (const uint64_t own : {0U, 2U, 0xFFFFFFFFU})
    EXPECT_EQ(answer("prlimit64", {own, 0, 1, 0}), 0);
}

TEST(SeccompTable, RefusesWhatTheCatalogueNamesWithEperm) {
  for (const char* name : {"setns",
                           "mount",
                           "umount2",
                           "pivot_root",
                           "chroot",
                           "open_tree",
                           "move_mount",
                           "fsopen",
                           "fsconfig",
                           "fsmount",
                           "fspick",
                           "mount_setattr",
                           "open_tree_attr",
                           "keyctl",
                           "add_key",
                           "request_key",
                           "bpf",
                           "perf_event_open",
                           "userfaultfd",
                           "kexec_load",
                           "kexec_file_load",
                           "init_module",
                           "finit_module",
                           "delete_module",
                           "reboot",
                           "swapon",
                           "swapoff",
                           "quotactl",
                           "quotactl_fd",
                           "open_by_handle_at",
                           "kcmp",
                           "pidfd_getfd",
                           "process_madvise",
                           "process_mrelease",
                           "fanotify_init",
                           "fanotify_mark",
                           "iopl",
                           "ioperm",
                           "modify_ldt",
                           "memfd_secret",
                           "clock_settime",
                           "settimeofday",
                           "adjtimex",
                           "clock_adjtime",
                           "acct",
                           "syslog",
                           "vhangup",
                           "sethostname",
                           "setdomainname",
                           "move_pages",
                           "migrate_pages",
                           "vmsplice",
                           "remap_file_pages",
                           "name_to_handle_at"}) {
    EXPECT_EQ(answer(name), EPERM) << name;
  }
}

TEST(SeccompTable, AnswersEnosysWhereProgramsFallBack) {
  for (const char* name : {"clone3", "io_uring_setup", "io_uring_enter", "io_uring_register",
                           "process_vm_readv", "process_vm_writev", "mbind", "uselib", "ustat"}) {
    EXPECT_EQ(answer(name), ENOSYS) << name;
  }
  EXPECT_EQ(evaluate(contractor_table(), kArchX86_64, 400, {}).error, ENOSYS);
  EXPECT_EQ(evaluate(contractor_table(), kArchX86_64, 5000, {}).error, ENOSYS);
}

TEST(SeccompTable, CloneMakesThreadsAndProcessesButNoNamespaces) {
  EXPECT_EQ(answer("clone", {0x003D0F00}), 0);  // pthread_create
  EXPECT_EQ(answer("clone", {0x01200011}), 0);  // fork
  EXPECT_EQ(answer("clone", {0x4111}), 0);      // vfork
  for (const uint64_t flag : {0x00020000U, 0x02000000U, 0x04000000U, 0x08000000U, 0x10000000U,
                              0x20000000U, 0x40000000U}) {
    EXPECT_EQ(answer("clone", {flag | 0x11}), EPERM) << std::hex << flag;
    EXPECT_EQ(answer("clone", {flag | 0x11 | kHigh}), EPERM) << std::hex << flag;
    EXPECT_EQ(answer("unshare", {flag}), EPERM) << std::hex << flag;
  }
  EXPECT_EQ(answer("unshare", {0x80}), EPERM);  // CLONE_NEWTIME
  EXPECT_EQ(answer("unshare", {0x600}), 0);
}

TEST(SeccompTable, SocketsAreUnixInternetOrRoute) {
  EXPECT_EQ(answer("socket", {AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0}), 0);
  for (const uint64_t family : {uint64_t{AF_INET}, uint64_t{AF_INET6}}) {
    EXPECT_EQ(answer("socket", {family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0}), 0);
    EXPECT_EQ(answer("socket", {family, SOCK_STREAM, 6}), 0);
    EXPECT_EQ(answer("socket", {family, SOCK_DGRAM | SOCK_CLOEXEC, 17}), 0);
    EXPECT_EQ(answer("socket", {family, SOCK_RAW, 1}), EPERM);
    EXPECT_EQ(answer("socket", {family, SOCK_PACKET, 0}), EPERM);
    EXPECT_EQ(answer("socket", {family, SOCK_STREAM, 132}), EPERM);
    EXPECT_EQ(answer("socket", {family, SOCK_STREAM, 262}), EPROTONOSUPPORT);
  }
  EXPECT_EQ(answer("socket", {AF_NETLINK, SOCK_RAW, 0}), 0);
  EXPECT_EQ(answer("socket", {AF_NETLINK, SOCK_RAW, 9}), EAFNOSUPPORT);
  for (const uint64_t protocol : {4U, 6U, 12U, 15U, 16U}) {
    EXPECT_EQ(answer("socket", {AF_NETLINK, SOCK_RAW, protocol}), EPERM) << protocol;
  }
  for (uint64_t family = 0; family < 64; ++family) {
    if (family == AF_UNIX || family == AF_INET || family == AF_INET6) continue;
    EXPECT_EQ(answer("socket", {family, SOCK_DGRAM, 1}), EPERM) << family;
    EXPECT_EQ(answer("socketpair", {family, SOCK_DGRAM, 0}), EPERM) << family;
  }
  EXPECT_EQ(answer("socket", {AF_VSOCK | kHigh, SOCK_STREAM, 0}), EPERM);
}

TEST(SeccompTable, TerminalsCannotBeTypedOn) {
  EXPECT_EQ(answer("ioctl", {0, TIOCSTI}), EPERM);
  EXPECT_EQ(answer("ioctl", {0, TIOCSTI | kHigh}), EPERM);
  EXPECT_EQ(answer("ioctl", {0, TIOCLINUX}), EPERM);
  EXPECT_EQ(answer("ioctl", {0, TIOCSETD}), EPERM);
  EXPECT_EQ(answer("ioctl", {0, TIOCSWINSZ}), 0);
  EXPECT_EQ(answer("ioctl", {0, TIOCSCTTY}), 0);
  EXPECT_EQ(answer("ioctl", {0, FIONBIO}), 0);
}

TEST(SeccompTable, PersonalityPrctlSeccompAndNodesAreNarrow) {
  EXPECT_EQ(answer("personality", {0}), 0);
  EXPECT_EQ(answer("personality", {0xFFFFFFFF}), 0);
  EXPECT_EQ(answer("personality", {0x0040000}), EPERM);  // ADDR_NO_RANDOMIZE
  EXPECT_EQ(answer("personality", {0x0400000}), EPERM);  // READ_IMPLIES_EXEC
  EXPECT_EQ(answer("prctl", {15}), 0);                   // PR_SET_NAME
  EXPECT_EQ(answer("prctl", {35}), EPERM);               // PR_SET_MM
  EXPECT_EQ(answer("prctl", {62}), EPERM);               // PR_SCHED_CORE
  EXPECT_EQ(answer("seccomp", {1, 0}), 0);
  EXPECT_EQ(answer("seccomp", {1, 8}), EPERM);  // SECCOMP_FILTER_FLAG_NEW_LISTENER
  EXPECT_EQ(answer("seccomp", {1, 8 | 1}), EPERM);
  EXPECT_EQ(answer("mknod", {0, S_IFIFO | 0644}), 0);
  EXPECT_EQ(answer("mknod", {0, S_IFCHR | 0644}), EPERM);
  EXPECT_EQ(answer("mknodat", {0, 0, S_IFBLK | 0644}), EPERM);
  EXPECT_EQ(answer("mknodat", {0, 0, 0644}), 0);
}

TEST(SeccompTable, NormalWorkIsAllowed) {
  for (const char* name : {"read",
                           "openat",
                           "openat2",
                           "execve",
                           "execveat",
                           "fork",
                           "vfork",
                           "wait4",
                           "futex",
                           "mmap",
                           "ptrace",
                           "statx",
                           "renameat2",
                           "landlock_create_ruleset",
                           "landlock_restrict_self",
                           "memfd_create",
                           "pidfd_open",
                           "rseq",
                           "epoll_wait",
                           "restart_syscall",
                           "exit_group",
                           "connect",
                           "setsid",
                           "close_range"}) {
    EXPECT_EQ(answer(name), 0) << name;
  }
}

TEST(SeccompTable, TheSlicerHasNoSockets) {
  for (const char* name : {"socket", "connect", "socketpair", "bind", "sendmsg", "ptrace"}) {
    EXPECT_EQ(evaluate(slicer_table(), kArchX86_64, number_of(name), {1, 1, 0}).error, EPERM)
        << name;
  }
  EXPECT_EQ(evaluate(slicer_table(), kArchX86_64, number_of("execveat"), {}).action,
            Action::kAllow);
}

TEST(SeccompTable, RefusedByNamesTheRowOfThisVeryRefusal) {
  const Table& table = contractor_table();
  const Row* row = refused_by(table, number_of("socket"), {AF_VSOCK, SOCK_STREAM, 0}, EPERM);
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->name, "socket");
  // Another errno, an allowed call that the kernel refused, a quiet row: not the table's doing.
  EXPECT_EQ(refused_by(table, number_of("socket"), {AF_VSOCK, SOCK_STREAM, 0}, EMFILE), nullptr);
  EXPECT_EQ(refused_by(table, number_of("socket"), {AF_INET, SOCK_STREAM, 0}, EPERM), nullptr);
  EXPECT_EQ(refused_by(table, number_of("clone3"), {}, ENOSYS), nullptr);
  EXPECT_EQ(refused_by(table, 400, {}, ENOSYS), nullptr);
}

TEST(SeccompTable, ReportedNumbersAreExactlyWhatRefusedByMayConfirm) {
  const std::vector<ReportedCall> list = reported_numbers(contractor_table());
  const auto has = [&](std::string_view name, int error) {
    return std::find(list.begin(), list.end(), ReportedCall{number_of(name), error}) != list.end();
  };
  EXPECT_TRUE(has("mount", EPERM));
  EXPECT_TRUE(has("socket", EPERM));
  EXPECT_TRUE(has("ioctl", EPERM));
  EXPECT_TRUE(has("io_uring_enter", ENOSYS));
  EXPECT_FALSE(has("clone3", ENOSYS));
  EXPECT_FALSE(has("io_uring_setup", ENOSYS));
  EXPECT_FALSE(has("socket", EPROTONOSUPPORT));
  EXPECT_FALSE(has("openat", EPERM));
  EXPECT_TRUE(std::is_sorted(list.begin(), list.end(), [](const auto& a, const auto& b) {
    return a.number != b.number ? a.number < b.number : a.error < b.error;
  }));
}

}  // namespace
}  // namespace carrel::plan
