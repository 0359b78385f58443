// What a hostile payload would try, one line of output an attempt: "name ERRNO" or "name ok".
// "probe control" tries in namespaces of its own what must work there: it shows that the attempts
// are real.

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace {

void say(const char* name, long result) {
  printf("%s %s\n", name, result >= 0 ? "ok" : strerrorname_np(errno));
  fflush(stdout);
}

void try_open(const char* name, const char* path, int flags) {
  say(name, open(path, flags));
}

void try_namespaces() {
  say("unshare-user", syscall(SYS_unshare, CLONE_NEWUSER));
  say("unshare-net", syscall(SYS_unshare, CLONE_NEWNET));
  say("clone-user", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
  clone_args arguments{};
  arguments.flags = CLONE_NEWUSER;
  arguments.exit_signal = SIGCHLD;
  say("clone3-user", syscall(SYS_clone3, &arguments, sizeof arguments));
  say("setns", syscall(SYS_setns, 0, CLONE_NEWNS));
}

void try_mounts() {
  say("mount-tmpfs", mount("x", "/tmp", "tmpfs", 0, nullptr));
  say("remount", mount(nullptr, "/usr", nullptr, MS_REMOUNT | MS_BIND, nullptr));
  say("umount", umount2("/proc/sys", MNT_DETACH));
  say("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
  say("fsconfig", syscall(SYS_fsconfig, -1, 6, nullptr, nullptr, 0));
  say("fsmount", syscall(SYS_fsmount, -1, 0, 0));
  say("fspick", syscall(SYS_fspick, AT_FDCWD, "/", 0));
  say("open_tree", syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE | AT_RECURSIVE));
  say("move_mount", syscall(SYS_move_mount, -1, "", -1, "", 0));
  say("mount_setattr", syscall(SYS_mount_setattr, -1, "", 0, nullptr, 0));
  say("open_tree_attr", syscall(467, -1, "", 0, nullptr, 0));
  say("pivot_root", syscall(SYS_pivot_root, "/tmp", "/tmp"));
  say("chroot", chroot("/tmp"));
}

void try_files() {
  try_open("write-usr", "/usr/carrel-test", O_WRONLY | O_CREAT);
  try_open("write-root", "/carrel-test", O_WRONLY | O_CREAT);
  try_open("write-entry", "/workspaces/engine/docs/new", O_WRONLY | O_CREAT);
  try_open("core-pattern", "/proc/sys/kernel/core_pattern", O_WRONLY);
  try_open("modprobe", "/proc/sys/kernel/modprobe", O_WRONLY);
  try_open("ip-forward", "/proc/sys/net/ipv4/ip_forward", O_WRONLY);
  try_open("userns-limit", "/proc/sys/user/max_user_namespaces", O_WRONLY);
  try_open("sys", "/sys/kernel", O_RDONLY);
  try_open("init-environ", "/proc/1/environ", O_RDONLY);
  try_open("init-mem", "/proc/1/mem", O_RDWR);
  try_open("init-root", "/proc/1/root/usr", O_RDONLY);
  try_open("init-exe", "/proc/1/exe", O_WRONLY);
  try_open("init-fd", "/proc/1/fd/4", O_RDONLY);
  say("rename-over-entry", rename("docs", "docs2"));
  say("mknod-mem", mknod("mem", S_IFCHR | 0600, 0x101));
  say("mknod-block", mknod("disk", S_IFBLK | 0600, 0x800));
  say("link-entry", link("docs/text", "linked"));
  const int oom = open("/proc/self/oom_score_adj", O_WRONLY);
  say("oom-immunity", write(oom, "-1000", 5));
}

void try_processes() {
  say("ptrace-init", ptrace(PTRACE_ATTACH, 1, nullptr, nullptr));
  say("kill-init", kill(1, SIGKILL));
  const rlimit none{0, 0};
  say("limit-init", prlimit(1, RLIMIT_CPU, &none, nullptr));
  say("pidfd-getfd", syscall(SYS_pidfd_getfd, 0, 4, 0));
  say("kcmp-init", syscall(SYS_kcmp, 1, getpid(), 0, 0, 0));
  say("setuid-init", setuid(999));
  say("setuid-root", setuid(0));
  say("setgroups", syscall(SYS_setgroups, 0, nullptr));
  sched_param priority{1};
  say("fifo", sched_setscheduler(0, SCHED_FIFO, &priority));
}

void try_kernel() {
  say("io_uring", syscall(SYS_io_uring_setup, 1, nullptr));
  say("bpf", syscall(SYS_bpf, 0, nullptr, 0));
  say("perf", syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0));
  say("userfaultfd", syscall(SYS_userfaultfd, 0));
  say("keyctl", syscall(SYS_keyctl, 0, -3, 0));
  say("add_key", syscall(SYS_add_key, "user", "x", "y", 1, -3));
  say("vsock", socket(40, SOCK_STREAM, 0));
  say("packet", socket(17, SOCK_RAW, 0));
  say("raw", socket(AF_INET, SOCK_RAW, 1));
  say("tiocsti", ioctl(0, TIOCSTI, "x"));
  say("tiocsti-high", syscall(SYS_ioctl, 0, 0x100000000UL | TIOCSTI, "x"));
  say("x32", syscall(0x40000000 | SYS_getpid));
  say("sethostname", sethostname("x", 1));
  const timeval now{1, 0};
  say("settimeofday", settimeofday(&now, nullptr));
  say("personality", syscall(SYS_personality, READ_IMPLIES_EXEC));
  say("kexec", syscall(SYS_kexec_load, 0, 0, nullptr, 0));
  say("init_module", syscall(SYS_init_module, nullptr, 0, ""));
  say("swapon", syscall(SYS_swapon, "/tmp", 0));
}

int control() {
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS) != 0) return 1;
  const pid_t other = fork();
  if (other == 0) {
    pause();
    _exit(0);
  }
  const rlimit none{0, 0};
  say("limit-init", prlimit(other, RLIMIT_CPU, &none, nullptr));
  say("ptrace-init", ptrace(PTRACE_ATTACH, other, nullptr, nullptr));
  say("kill-init", kill(other, SIGKILL));
  say("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
  say("open_tree", syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE | AT_RECURSIVE));
  say("mount-tmpfs", mount("x", "/tmp", "tmpfs", 0, nullptr));
  say("sethostname", sethostname("x", 1));
  say("chroot", chroot("/tmp"));
  return 0;
}

int fork_until_refused() {
  int count = 0;
  while (true) {
    const pid_t child = fork();
    if (child == 0) {
      while (true)
        pause();
    }
    if (child < 0) break;
    ++count;
  }
  printf("%s %d\n", strerrorname_np(errno), count);
  return 0;
}

int eat_memory() {
  constexpr size_t kBlock = 4 << 20;
  for (int i = 0; i < 256; ++i) {
    void* block = mmap(nullptr, kBlock, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) return 2;
    memset(block, i + 1, kBlock);
  }
  return 3;
}

}  // namespace

int main(int count, char** arguments) {
  const char* what = count > 1 ? arguments[1] : "";
  if (strcmp(what, "control") == 0) return control();
  if (strcmp(what, "forks") == 0) return fork_until_refused();
  if (strcmp(what, "memory") == 0) return eat_memory();
  if (strcmp(what, "fds") == 0) {
    for (int fd = 0; fd < 4096; ++fd) {
      if (fcntl(fd, F_GETFD) >= 0) printf("%d ", fd);
    }
    return 0;
  }
  say("write-tree", open("allowed", O_WRONLY | O_CREAT, 0600));
  say("socket-inet", socket(AF_INET, SOCK_STREAM, 0));
  try_files();
  try_namespaces();
  try_mounts();
  try_processes();
  try_kernel();
  return 0;
}
