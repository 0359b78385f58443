// The allowlist of system calls, made by libseccomp.

#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>

#include "broker/confine/steps.h"

namespace carrel::confine {
namespace {

struct Release {
  void operator()(void* context) const { seccomp_release(context); }
};

Error failed(const std::string& what, int rc) {
  return Error{"seccomp: " + what, -rc};
}

/// Memory calls are allowed only without PROT_EXEC: no code but what was there at the start.
bool gives_memory(const std::string& name) {
  return name == "mmap" || name == "mprotect";
}

int allow(scmp_filter_ctx context, const std::string& name, int number) {
  if (gives_memory(name)) {
    return seccomp_rule_add(context, SCMP_ACT_ALLOW, number, 1,
                            SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  }
  return seccomp_rule_add(context, SCMP_ACT_ALLOW, number, 0);
}

int allow_internet_sockets(scmp_filter_ctx context) {
  int rc = 0;
  for (const scmp_datum_t family : {scmp_datum_t{AF_INET}, scmp_datum_t{AF_INET6}}) {
    if (rc != 0) break;
    rc = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                          SCMP_A0(SCMP_CMP_EQ, family));
  }
  return rc;
}

}  // namespace

Status internal::restrict_calls(const std::vector<std::string>& names) {
  const std::unique_ptr<void, Release> context(seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  if (context == nullptr) return Error{"seccomp: init", ENOMEM};
  int rc = seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_TSYNC, 1);
  if (rc != 0) return failed("synchronise threads", rc);
  rc = seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  if (rc != 0) return failed("foreign architecture", rc);
  for (const std::string& name : names) {
    const int number = seccomp_syscall_resolve_name(name.c_str());
    if (name == "socket.internet") {
      rc = allow_internet_sockets(context.get());
    } else if (number < 0) {
      continue;  // not of this architecture
    } else {
      rc = allow(context.get(), name, number);
    }
    if (rc != 0 && rc != -EEXIST) return failed("allow " + name, rc);
  }
  rc = seccomp_load(context.get());
  if (rc != 0) return failed("load", rc);
  return Done{};
}

std::vector<std::string> common_syscalls() {
  return {// memory
          "mmap", "munmap", "mprotect", "mremap", "madvise", "brk",
          // descriptors that are open
          "read", "write", "readv", "writev", "pread64", "pwrite64", "close", "lseek", "fstat",
          "fcntl", "dup", "poll", "ppoll", "recvmsg", "sendmsg", "recvfrom", "sendto", "shutdown",
          // waiting and signals
          "futex", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "restart_syscall", "nanosleep",
          "clock_nanosleep", "epoll_wait", "epoll_pwait", "epoll_ctl", "sched_yield",
          // time, randomness, who am I
          "clock_gettime", "clock_getres", "gettimeofday", "time", "getrandom", "getpid", "gettid",
          "getuid", "geteuid", "getgid", "getegid", "sched_getaffinity", "rseq", "set_robust_list",
          // the end; tgkill is how abort(3) works
          "tgkill", "exit", "exit_group"};
}

}  // namespace carrel::confine
