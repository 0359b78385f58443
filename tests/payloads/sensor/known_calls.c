/* A known list of system calls, made directly: no C library, so nothing else is called. Run in an
   empty directory. tests/sandbox/sensor/known_calls_test.cc lists the records it must produce. */

#include <fcntl.h>
#include <linux/in.h>
#include <linux/un.h>
#include <sys/syscall.h>

static long call6(long number, long a, long b, long c, long d, long e, long f) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}
#define CALL(number, a, b, c, d) call6(number, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

static void files(void) {
  long fd = CALL(SYS_openat, AT_FDCWD, "made", O_CREAT | O_EXCL | O_RDWR, 0600);
  CALL(SYS_write, fd, "hello", 5, 0);
  CALL(SYS_close, fd, 0, 0, 0);
  CALL(SYS_open, "/nowhere/x", O_RDONLY, 0, 0);
  CALL(SYS_mkdir, "dir", 0700, 0, 0);
  long dir = CALL(SYS_open, "dir", O_DIRECTORY, 0, 0);
  fd = CALL(SYS_openat, dir, "in", O_CREAT | O_WRONLY, 0600);
  CALL(SYS_close, fd, 0, 0, 0);
  fd = CALL(SYS_open, "dir/../made", O_RDONLY, 0, 0);
  CALL(SYS_close, fd, 0, 0, 0); /* only read: no record */
  CALL(SYS_renameat, dir, "in", AT_FDCWD, "out");
  fd = CALL(SYS_creat, "out", 0600, 0, 0);
  CALL(SYS_close, fd, 0, 0, 0);
  CALL(SYS_link, "made", "hard", 0, 0);
  CALL(SYS_symlinkat, "target", dir, "link", 0);
  CALL(SYS_unlinkat, dir, "link", 0, 0);
  CALL(SYS_close, dir, 0, 0, 0);
}

static void looking(void) {
  char buffer[256];
  CALL(SYS_stat, "made", buffer, 0, 0); /* succeeds: no record */
  CALL(SYS_stat, "absent", buffer, 0, 0);
  CALL(SYS_faccessat, AT_FDCWD, "/absent/too", 0, 0);
  CALL(SYS_readlink, "made", buffer, sizeof buffer, 0);
  CALL(SYS_chdir, "dir", 0, 0, 0);
  CALL(SYS_chdir, "deeper", 0, 0, 0);
  CALL(SYS_unlink, "../out", 0, 0, 0);
  CALL(SYS_chdir, "..", 0, 0, 0);
  CALL(SYS_rmdir, "dir", 0, 0, 0);
}

static void network(void) {
  struct sockaddr_in in = {.sin_family = 2, .sin_port = 0x0900, .sin_addr = {0x0100007f}};
  long fd = CALL(SYS_socket, 2, 1, 0, 0);
  CALL(SYS_connect, fd, &in, sizeof in, 0);
  struct sockaddr_un un = {.sun_family = 1, .sun_path = "sock"};
  fd = CALL(SYS_socket, 1, 1, 0, 0);
  CALL(SYS_connect, fd, &un, sizeof un, 0);
}

static void processes(void) {
  static char *const argv[] = {"absent", 0};
  CALL(SYS_execve, "./absent", argv, 0, 0);
  long child = CALL(SYS_fork, 0, 0, 0, 0);
  if (child == 0) {
    long fd = CALL(SYS_open, "/", O_DIRECTORY, 0, 0);
    CALL(SYS_exit_group, 7 + (fd < 0), 0, 0, 0);
  }
  CALL(SYS_wait4, child, 0, 0, 0);
}

__attribute__((used, noreturn)) void begin(void) {
  files();
  looking();
  network();
  processes();
  for (;;) CALL(SYS_exit_group, 3, 0, 0, 0);
}

__asm__(".globl _start\n_start:\n  and $-16, %rsp\n  call begin\n");
