#include "launcher/box/sandbox/child.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/securebits.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "launcher/box/init/init_plan.h"
#include "launcher/box/plan/plan.h"

namespace carrel::sandbox {
namespace {

/// Descriptors are lifted above this before they are laid out for init.
constexpr int kLifted = 64;

class Child {
 public:
  explicit Child(const ChildPlan& plan) : plan_(plan) {}
  [[noreturn]] void run();

 private:
  [[noreturn]] void fail(Step step, int object = 0) const {
    const Failure failure{step, object, errno};
    (void)!write(plan_.failure_fd, &failure, sizeof failure);
    _exit(125);
  }
  void check(bool good, Step step, int object = 0) const {
    if (!good) fail(step, object);
  }

  void wait_for_maps();
  void become_init_uid();
  void enter_root();
  void mount_one(const Mount& mount, int index);
  void make_read_only();
  void open_terminal();
  void leave_host();
  void keep_init_capabilities();
  void lay_out_descriptors();

  const ChildPlan& plan_;
  int terminal_fd_ = -1;
};

void Child::wait_for_maps() {
  close(plan_.maps_written_fd);
  char go = 0;
  ssize_t got = 0;
  do {
    got = read(plan_.maps_ready_fd, &go, 1);
  } while (got < 0 && errno == EINTR);
  if (got != 1) errno = ECANCELED;
  check(got == 1, Step::kWaitForMaps);
}

/// From here on files belong to init's uid; capabilities over the new namespaces stay.
void Child::become_init_uid() {
  check(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0, Step::kBecomeInit);
  check(setresgid(plan_.init_uid, plan_.init_uid, plan_.init_uid) == 0, Step::kBecomeInit);
  check(setresuid(plan_.init_uid, plan_.init_uid, plan_.init_uid) == 0, Step::kBecomeInit);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  check(syscall(SYS_capget, &header, data.data()) == 0, Step::kBecomeInit);
  for (auto& each : data)
    each.effective = each.permitted;
  check(syscall(SYS_capset, &header, data.data()) == 0, Step::kBecomeInit);
}

/// Private first, so that nothing done here can reach the launcher's mounts; then the new root on
/// top of a folder that exists on every host.
void Child::enter_root() {
  check(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, Step::kPrivateMounts);
  check(move_mount(plan_.mounts->root.get(), "", AT_FDCWD, "/tmp", MOVE_MOUNT_F_EMPTY_PATH) == 0,
        Step::kAttachRoot);
  check(fchdir(plan_.mounts->root.get()) == 0, Step::kEnterRoot);
}

/// A new file system of the workspace's own namespaces.
int new_file_system(const char* type) {
  const int context = fsopen(type, FSOPEN_CLOEXEC);
  if (context < 0) return -1;
  if (strcmp(type, "devpts") == 0 &&
      (fsconfig(context, FSCONFIG_SET_STRING, "ptmxmode", "0666", 0) != 0 ||
       fsconfig(context, FSCONFIG_SET_STRING, "mode", "0620", 0) != 0)) {
    return -1;
  }
  if (fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return -1;
  const unsigned attributes =
      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | (strcmp(type, "proc") == 0 ? MOUNT_ATTR_NODEV : 0U);
  const int mount = fsmount(context, FSMOUNT_CLOEXEC, attributes);
  close(context);
  return mount;
}

void Child::mount_one(const Mount& mount, int index) {
  int fd = mount.mount.get();
  const char* target = mount.target.c_str();
  if (mount.act == Act::kProc) fd = new_file_system("proc");
  if (mount.act == Act::kDevpts) fd = new_file_system("devpts");
  if (mount.act == Act::kReadOnlyInPlace) {
    fd = open_tree(AT_FDCWD, target,
                   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | static_cast<unsigned>(AT_RECURSIVE));
    if (fd < 0 && errno == ENOENT) return;
    mount_attr change{};
    change.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    check(
        fd >= 0 && mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &change, sizeof change) == 0,
        Step::kMount, index);
  }
  check(fd >= 0, Step::kMount, index);
  const bool moved = move_mount(fd, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) == 0;
  const bool optional = mount.act == Act::kAttachIfThere && errno == ENOENT;
  check(moved || optional, Step::kMount, index);
  if (fd != mount.mount.get()) close(fd);
}

/// Last, when every mount point has been made and covered.
void Child::make_read_only() {
  int index = 0;
  for (const std::string& target : plan_.mounts->read_only) {
    mount_attr change{};
    change.attr_set = MOUNT_ATTR_RDONLY;
    check(mount_setattr(AT_FDCWD, target.c_str(), 0, &change, sizeof change) == 0,
          Step::kMakeReadOnly, index++);
  }
}

/// The workspace's own pty: the master goes to the session, the slave becomes the payload's.
void Child::open_terminal() {
  const int master = open("dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  int unlock = 0;
  check(master >= 0 && ioctl(master, TIOCSPTLCK, &unlock) == 0, Step::kOpenTerminal);
  terminal_fd_ = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  check(terminal_fd_ >= 0, Step::kOpenTerminal);
  check(fchown(terminal_fd_, plan::kPayloadUid, static_cast<gid_t>(-1)) == 0, Step::kOpenTerminal);
  init::Record record{init::RecordType::kPty, 0, 0, 0};
  iovec part{&record, sizeof record};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(rights), &master, sizeof master);
  check(sendmsg(plan_.control_fd, &message, MSG_NOSIGNAL) == sizeof record, Step::kSendTerminal);
  close(master);
}

/// pivot_root(2) with both on the same folder: the old root ends up on top of the new one and is
/// detached from there, so that no path leads to the host any more.
void Child::leave_host() {
  check(syscall(SYS_pivot_root, ".", ".") == 0, Step::kPivot);
  check(umount2(".", MNT_DETACH) == 0, Step::kDetachOldRoot);
  check(chdir("/") == 0, Step::kEnterRoot);
  check(sethostname(plan_.hostname, strlen(plan_.hostname)) == 0, Step::kHostname);
  check(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) >= 0 || errno == ENOSYS,
        Step::kKeyring);
}

/// Init needs these until the payload is on its way; exec keeps ambient ones (capabilities(7)).
void Child::keep_init_capabilities() {
  constexpr std::array<int, 4> kKept = {CAP_SETUID, CAP_SETGID, CAP_KILL, CAP_SETPCAP};
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  for (const int cap : kKept) {
    data[0].effective |= 1U << cap;
    data[0].permitted |= 1U << cap;
    data[0].inheritable |= 1U << cap;
  }
  check(syscall(SYS_capset, &header, data.data()) == 0, Step::kCapabilities);
  for (const int cap : kKept) {
    check(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) == 0, Step::kCapabilities);
  }
}

/// 0-2 the payload's, 3 plan, 4 control, 5 gate, 6 terminal, 7 program, 8 sensor; nothing else
/// survives exec.
void Child::lay_out_descriptors() {
  const bool pipes = !plan_.terminal;
  const std::array<int, init::kLastFd + 1> wanted = {pipes ? plan_.stdin_fd : plan_.null_fd,
                                                     pipes ? plan_.stdout_fd : plan_.null_fd,
                                                     pipes ? plan_.stderr_fd : plan_.null_fd,
                                                     plan_.plan_fd,
                                                     plan_.control_fd,
                                                     plan_.gate_fd,
                                                     terminal_fd_,
                                                     plan_.program_fd,
                                                     plan_.sensor_fd};
  std::array<int, init::kLastFd + 1> lifted{};
  for (size_t i = 0; i < wanted.size(); ++i) {
    lifted[i] = wanted[i] < 0 ? -1 : fcntl(wanted[i], F_DUPFD_CLOEXEC, kLifted);
    check(wanted[i] < 0 || lifted[i] >= 0, Step::kDescriptors);
  }
  const int init_fd = fcntl(plan_.init_fd, F_DUPFD_CLOEXEC, kLifted);
  const int failure_fd = fcntl(plan_.failure_fd, F_DUPFD_CLOEXEC, kLifted);
  check(init_fd >= 0 && failure_fd >= 0, Step::kDescriptors);
  for (size_t i = 0; i < lifted.size(); ++i) {
    if (lifted[i] < 0) {
      close(static_cast<int>(i));
    } else {
      check(dup2(lifted[i], static_cast<int>(i)) >= 0, Step::kDescriptors);
    }
  }
  check(close_range(init::kLastFd + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0, Step::kDescriptors);
  std::array<char*, 2> arguments = {const_cast<char*>("carrel-init"), nullptr};
  std::array<char*, 1> environment = {nullptr};
  syscall(SYS_execveat, init_fd, "", arguments.data(), environment.data(), AT_EMPTY_PATH);
  const Failure failure{Step::kExecInit, 0, errno};
  (void)!write(failure_fd, &failure, sizeof failure);
  _exit(125);
}

void Child::run() {
  wait_for_maps();    // before them this process is nobody
  become_init_uid();  // so that what is made below belongs to init
  enter_root();       // the detached tree becomes reachable
  int index = 0;
  for (const Mount& mount : plan_.mounts->mounts)
    mount_one(mount, index++);          // the plan's order
  if (plan_.terminal) open_terminal();  // needs devpts, and rights that init will not have
  make_read_only();                     // nothing is made below the root after this
  leave_host();                         // nothing of the host is reachable after this
  keep_init_capabilities();
  lay_out_descriptors();  // ends in carrel-init
  _exit(125);
}

}  // namespace

void run_child(const ChildPlan& plan) {
  Child(plan).run();
}

}  // namespace carrel::sandbox
