#include "launcher/box/kernel/id_map.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

namespace carrel::kernel {
namespace {

Status write_file(const std::string& path, const std::string& text) {
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.valid()) return errno_error("open " + path);
  if (write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return errno_error("write " + path);
  }
  return Done{};
}

}  // namespace

Status write_id_map(pid_t child, const IdMap& map) {
  const std::string folder = "/proc/" + std::to_string(child);
  const std::string line = std::to_string(map.inside) + " " + std::to_string(map.outside) + " " +
                           std::to_string(map.count) + "\n";
  RETURN_IF_ERROR(write_file(folder + "/setgroups", "deny"));
  RETURN_IF_ERROR(write_file(folder + "/gid_map", line));
  return write_file(folder + "/uid_map", line);
}

Result<UniqueFd> make_id_map(const IdMap& map) {
  // The child exists only so that the namespace has a /proc entry to write to. It must not outlive
  // this process, whose descriptors it holds.
  const pid_t parent = getpid();
  const auto child = static_cast<pid_t>(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
  if (child < 0) return errno_error("clone for an id map");
  if (child == 0) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != parent) _exit(1);
    while (true)
      pause();
  }
  Result<UniqueFd> made = Error{"make an id map"};
  const Status mapped = write_id_map(child, map);
  if (mapped.ok()) {
    const std::string path = "/proc/" + std::to_string(child) + "/ns/user";
    UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (fd.valid()) {
      made = std::move(fd);
    } else {
      made = errno_error("open " + path);
    }
  } else {
    made = mapped.error();
  }
  kill(child, SIGKILL);
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return made;
}

}  // namespace carrel::kernel
