#include "tests/payloads/attacks/acts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>

namespace carrel::attacks {
namespace {

[[noreturn]] void wait_for_ever() {
  while (true)
    pause();
}

void wait_for_end_of_input() {
  char byte = 0;
  while (read(0, &byte, 1) > 0)
    continue;
}

/// A filter of the payload's own: `answer` for one call, everything else as before.
int load_filter(uint32_t number, uint32_t answer, unsigned flags) {
  std::array<sock_filter, 4> code = {
      sock_filter{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
      sock_filter{BPF_JMP | BPF_JEQ | BPF_K, 0, 1, number},
      sock_filter{BPF_RET | BPF_K, 0, 0, answer},
      sock_filter{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  };
  const sock_fprog program{code.size(), code.data()};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return static_cast<int>(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));
}

}  // namespace

int call_by_int80() {
  constexpr long kGetpidOf386 = 20;
  long result = kGetpidOf386;
  asm volatile("int $0x80" : "+a"(result) : : "memory");
  say_result("int80", result);
  return 0;
}

/// Keeps what it has until standard input ends.
int fork_until_refused() {
  int count = 0;
  while (true) {
    const pid_t child = fork();
    if (child == 0) wait_for_ever();
    if (child < 0) break;
    ++count;
  }
  say_result("forks", -1);
  say_result("count", count);
  wait_for_end_of_input();
  return 0;
}

int eat_memory() {
  constexpr size_t kBlock = 4 << 20;
  say("eating\n");
  char go = 0;
  (void)!read(0, &go, 1);
  while (true) {
    void* block = mmap(nullptr, kBlock, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) return 2;
    memset(block, 1, kBlock);
  }
}

/// A daemon as stubborn as there can be; the main command ends only once the daemon is there.
int survive() {
  std::array<int, 2> ready{};
  if (pipe(ready.data()) != 0) return 1;
  if (fork() == 0) {
    setsid();
    if (fork() != 0) _exit(0);
    for (int number = 1; number < 65; ++number)
      signal(number, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
    prctl(PR_SET_NAME, "attack-survivor", 0, 0, 0);
    for (int fd = 0; fd < 3; ++fd)
      close(fd);
    (void)!write(ready[1], "x", 1);
    wait_for_ever();
  }
  char byte = 0;
  (void)!read(ready[0], &byte, 1);
  say("daemon\n");
  return 0;
}

int stop_everything() {
  for (int i = 0; i < 8; ++i) {
    if (fork() == 0) wait_for_ever();
  }
  say("stopping\n");
  kill(-1, SIGSTOP);
  kill(getpid(), SIGSTOP);
  return 0;
}

int flood_opens(int count) {
  int opened = 0;
  for (int i = 0; i < count; ++i) {
    const long fd = syscall(SYS_openat, AT_FDCWD, "web/src/main.c", O_RDONLY);
    if (fd < 0) continue;
    ++opened;
    syscall(SYS_close, fd);
  }
  say_result("opened", opened);
  return 0;
}

int dig_folders(int depth) {
  for (int i = 0; i < depth; ++i) {
    if (mkdir("d", 0755) != 0 || chdir("d") != 0) return 1;
  }
  const int fd = open("bottom", O_WRONLY | O_CREAT, 0644);
  return write(fd, "deep", 4) == 4 ? 0 : 1;
}

/// The payload's own filter answers "done" to unlink: a call that never took place.
int forge_unlink(const char* path) {
  say_result("filter", load_filter(SYS_unlink, SECCOMP_RET_ERRNO, 0));
  say_result("unlink", syscall(SYS_unlink, path));
  return 0;
}

int watch_by_listener() {
  say_result("listener",
             load_filter(SYS_unlink, SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER));
  return 0;
}

/// A tracer puts another call into its child after the child has entered a harmless one.
int trace_own_child() {
  const pid_t child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    raise(SIGSTOP);
    errno = 0;
    const long result = syscall(SYS_getppid);
    say_result("replaced", result);
    syscall(SYS_exit_group, 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  say_result("traced", ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD));
  bool replaced = false;
  while (!WIFEXITED(status) && !WIFSIGNALED(status)) {
    ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
    waitpid(child, &status, 0);
    user_regs_struct registers{};
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != (SIGTRAP | 0x80) || replaced) continue;
    ptrace(PTRACE_GETREGS, child, nullptr, &registers);
    if (registers.orig_rax != SYS_getppid) continue;
    registers.orig_rax = SYS_unshare;
    registers.rdi = CLONE_NEWUSER;
    ptrace(PTRACE_SETREGS, child, nullptr, &registers);
    replaced = true;
  }
  return replaced ? 0 : 1;
}

int execute_raw(const char* path, const char* argument) {
  std::array<const char*, 3> words = {path, argument, nullptr};
  std::array<const char*, 1> environment = {nullptr};
  syscall(SYS_execve, path, words.data(), environment.data());
  say_result("execve", -1);
  return 1;
}

namespace {

int thread_body(void* path) {
  return execute_raw(static_cast<const char*>(path), "from-thread");
}

}  // namespace

/// Not the first thread of the process executes: the kernel gives it the process's id.
int execute_from_thread(const char* path) {
  static std::array<char, 65536> stack;
  const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
  const int thread =
      clone(thread_body, stack.data() + stack.size(), flags, const_cast<char*>(path));
  if (thread < 0) {
    say_result("clone", thread);
    return 1;
  }
  wait_for_ever();
}

int execute_by_vfork(const char* path) {
  const pid_t child = vfork();
  if (child == 0) {
    execl(path, path, "from-vfork", nullptr);
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WEXITSTATUS(status);
}

}  // namespace carrel::attacks

int main(int count, char** words) {
  using namespace carrel::attacks;
  const std::string what = count > 1 ? words[1] : "";
  const char* one = count > 2 ? words[2] : "";
  const char* two = count > 3 ? words[3] : "";
  if (what == "calls") return run_calls();
  if (what == "int80") return call_by_int80();
  if (what == "forks") return fork_until_refused();
  if (what == "memory") return eat_memory();
  if (what == "survive") return survive();
  if (what == "stop") return stop_everything();
  if (what == "flood") return flood_opens(atoi(one));
  if (what == "dig") return dig_folders(atoi(one));
  if (what == "forge") return forge_unlink(one);
  if (what == "listener") return watch_by_listener();
  if (what == "retrace") return trace_own_child();
  if (what == "thread-exec") return execute_from_thread(one);
  if (what == "vfork-exec") return execute_by_vfork(one);
  if (what == "exec") return execute_raw(one, two);
  return 64;
}
