// carrel-broker with two looks around: before it confines itself and when it is ready. Each look is
// a line in the log: "probe.before open=0 …" or "probe.after open=EACCES …".

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "broker/programs/broker_main.h"
#include "profiles/base/result.h"

namespace {

constexpr int kLogFd = 6;

std::string said(const char* name, long rc) {
  return std::string(" ") + name + "=" + (rc < 0 ? carrel::errno_name(errno) : "0");
}

/// execve in a child where one can be made, so that a success does not end the look.
long try_execve() {
  char name[] = "/bin/true";
  char* const words[] = {name, nullptr};
  const pid_t child = vfork();
  if (child < 0) {  // no processes either: try it here
    return execve(name, words, nullptr);
  }
  if (child == 0) {
    execve(name, words, nullptr);
    _exit(1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

void look(const char* when, int outer_root) {
  std::string line = std::string("probe.") + when;
  // By path: the chroot has no such file. By a descriptor from outside: Landlock.
  line += said("path", open("/etc/passwd", O_RDONLY | O_CLOEXEC));
  line += said("outside", openat(outer_root, "etc/passwd", O_RDONLY | O_CLOEXEC));
  line +=
      said("create", openat(outer_root, "tmp/carrel-probe", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  line += said("inet", socket(AF_INET, SOCK_STREAM, 0));
  line += said("unix", socket(AF_UNIX, SOCK_STREAM, 0));
  line += said("execve", try_execve());
  line += said("setuid", syscall(SYS_setuid, 0));
  line += said("chroot", chroot("."));
  line += said("mount", mount("none", "/", nullptr, MS_PRIVATE, nullptr));
  line += said("ptrace", ptrace(PTRACE_TRACEME, 0, nullptr, nullptr));
  line += "\n";
  (void)!write(kLogFd, line.data(), line.size());
}

}  // namespace

int main(int argc, char** argv) {
  const int outer_root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  carrel::programs::BrokerHooks hooks;
  hooks.before_confinement = [outer_root] {
    std::string line = "probe.before";
    line += said("path", open("/etc/passwd", O_RDONLY | O_CLOEXEC));
    line += said("outside", openat(outer_root, "etc/passwd", O_RDONLY | O_CLOEXEC));
    line += said("inet", socket(AF_INET, SOCK_STREAM, 0));
    line += said("unix", socket(AF_UNIX, SOCK_STREAM, 0));
    line += said("execve", try_execve());
    line += "\n";
    (void)!write(kLogFd, line.data(), line.size());
  };
  hooks.when_ready = [outer_root] { look("after", outer_root); };
  hooks.tend_ms = 100;
  return carrel::programs::broker_main(argc, argv, hooks);
}
