#include "launcher/box/probe/own_namespaces.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "launcher/box/kernel/own_user_namespace.h"
#include "profiles/base/result.h"

namespace carrel::probe {
namespace {

// What the child found: 0 or an errno each.
struct Answers {
  int ids = ENOSYS;
  int mounts = ENOSYS;
  int procfs = ENOSYS;
};

bool set_read_only(int mount_fd) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  return mount_setattr(mount_fd, "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0;
}

/// The first process of the new pid namespace; its status is the errno.
[[noreturn]] void try_procfs() {
  const UniqueFd context(fsopen("proc", FSOPEN_CLOEXEC));
  if (!context.valid()) _exit(errno);
  if (fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) _exit(errno);
  const UniqueFd mount(fsmount(context.get(), FSMOUNT_CLOEXEC, 0));
  _exit(mount.valid() ? 0 : errno);
}

int wait_for_errno(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return errno;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

[[noreturn]] void try_everything(int channel_fd) {
  Answers answers;
  const Status entered = kernel::enter_own_user_namespace();
  answers.ids = entered.ok() ? 0 : entered.error().sys_errno;
  if (entered.ok() && unshare(CLONE_NEWNS | CLONE_NEWPID) != 0) answers.ids = errno;
  if (answers.ids == 0) {
    answers.mounts = try_mounts();
    const pid_t first = fork();
    if (first == 0) try_procfs();
    answers.procfs = first < 0 ? errno : wait_for_errno(first);
  }
  (void)!send(channel_fd, &answers, sizeof answers, MSG_NOSIGNAL);
  _exit(0);
}

void note(const char* what, int error, plan::HostFacts& facts) {
  if (error != 0) facts.notes.push_back(std::string(what) + ": " + errno_name(error));
}

}  // namespace

UniqueFd detached_tmpfs() {
  const UniqueFd context(fsopen("tmpfs", FSOPEN_CLOEXEC));
  if (!context.valid()) return UniqueFd();
  if (fsconfig(context.get(), FSCONFIG_SET_STRING, "size", "64k", 0) != 0) return UniqueFd();
  if (fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return UniqueFd();
  return UniqueFd(fsmount(context.get(), FSMOUNT_CLOEXEC, 0));
}

int try_mounts() {
  const UniqueFd tmpfs = detached_tmpfs();
  if (!tmpfs.valid()) return errno;
  return set_read_only(tmpfs.get()) ? 0 : errno;
}

void probe_own_namespaces(plan::HostFacts& facts) {
  int pair[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return;
  const UniqueFd ours(pair[0]);
  UniqueFd theirs(pair[1]);
  const pid_t child = fork();
  if (child < 0) return note("fork", errno, facts);
  if (child == 0) try_everything(theirs.get());
  theirs.reset();
  Answers answers;
  const bool told = recv(ours.get(), &answers, sizeof answers, 0) == sizeof answers;
  (void)wait_for_errno(child);
  if (!told) return;
  note("map the caller's ids and make namespaces", answers.ids, facts);
  if (answers.ids != 0) return;
  facts.new_mount_api = answers.mounts == 0;
  facts.new_procfs = answers.procfs == 0;
  note("detached tmpfs", answers.mounts, facts);
  note("new procfs", answers.procfs, facts);
}

}  // namespace carrel::probe
