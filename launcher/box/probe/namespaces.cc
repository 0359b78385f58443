#include "launcher/box/probe/namespaces.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "launcher/box/plan/plan.h"
#include "launcher/box/probe/own_namespaces.h"
#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::probe {
namespace {

constexpr int kPatienceMs = 5000;

// What the child found: 0 or an errno each.
struct Answers {
  int user = ENOSYS;
  int network = ENOSYS;
};

// In the child: new namespaces, tell, and stay until the other end is closed. Ends without
// returning.
[[noreturn]] void try_namespaces(int channel_fd) {
  Answers answers;
  answers.user = unshare(CLONE_NEWUSER) == 0 ? 0 : errno;
  if (answers.user == 0) answers.network = unshare(CLONE_NEWNET) == 0 ? 0 : errno;
  if (send(channel_fd, &answers, sizeof answers, MSG_NOSIGNAL) == sizeof answers) {
    char byte = 0;
    while (recv(channel_fd, &byte, 1, 0) < 0 && errno == EINTR) {
    }
  }
  _exit(0);
}

bool receive(int channel_fd, Answers& answers) {
  pollfd ready{channel_fd, POLLIN, 0};
  if (poll(&ready, 1, kPatienceMs) != 1) return false;
  return recv(channel_fd, &answers, sizeof answers, 0) == sizeof answers;
}

// Two uids of the session block; only a privileged writer may map uids that are not its own.
bool map_two_uids(pid_t child, const char* which) {
  const std::string path = "/proc/" + std::to_string(child) + "/" + which;
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  const std::string line =
      std::to_string(plan::kInitUid) + " " + std::to_string(plan::kBlockBase) + " 2\n";
  return file.valid() &&
         write(file.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size());
}

bool set_idmap(int mount_fd, int user_namespace_fd) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<__u64>(user_namespace_fd);
  return mount_setattr(mount_fd, "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0;
}

// On a detached clone of the folder where workspaces will lie, else on a detached tmpfs: neither is
// ever attached, so no mount of the host changes.
void probe_idmap(int state_fd, pid_t child, plan::HostFacts& facts) {
  const std::string path = "/proc/" + std::to_string(child) + "/ns/user";
  const UniqueFd user_namespace(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  UniqueFd mount;
  if (state_fd >= 0) {
    mount.reset(open_tree(state_fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  } else {
    mount = detached_tmpfs();
  }
  if (!user_namespace.valid() || !mount.valid()) return;
  facts.idmapped_mounts = set_idmap(mount.get(), user_namespace.get());
  if (facts.idmapped_mounts) return;
  facts.notes.push_back(std::string("idmapped mount of ") +
                        (state_fd >= 0 ? "the state folder: " : "a tmpfs: ") + errno_name(errno));
}

void probe_mounts(plan::HostFacts& facts) {
  const int error = try_mounts();
  facts.new_mount_api = error == 0;
  if (error != 0) facts.notes.push_back("detached tmpfs: " + errno_name(error));
}

void note(const char* what, int error, plan::HostFacts& facts) {
  if (error != 0) facts.notes.push_back(std::string(what) + ": " + errno_name(error));
}

}  // namespace

void probe_namespaces(int state_fd, plan::HostFacts& facts) {
  int pair[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return;
  UniqueFd ours(pair[0]);
  UniqueFd theirs(pair[1]);
  const pid_t child = fork();
  if (child < 0) {
    note("fork", errno, facts);
    return;
  }
  if (child == 0) {
    ours.reset();  // or it would wait for itself
    try_namespaces(theirs.get());
  }
  theirs.reset();
  Answers answers;
  if (receive(ours.get(), answers)) {
    facts.user_namespaces = answers.user == 0;
    facts.network_namespaces = answers.network == 0;
    note("unshare of a user namespace", answers.user, facts);
    if (answers.user == 0) note("unshare of a network namespace", answers.network, facts);
  }
  if (facts.root) probe_mounts(facts);
  if (!facts.root && facts.user_namespaces) probe_own_namespaces(facts);
  if (facts.root && facts.user_namespaces) {
    facts.two_uids = map_two_uids(child, "uid_map") && map_two_uids(child, "gid_map");
    if (facts.two_uids) probe_idmap(state_fd, child, facts);
  }
  ours.reset();
  kill(child, SIGKILL);
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace carrel::probe
