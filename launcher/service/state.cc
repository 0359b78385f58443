#include "launcher/service/state.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <memory>
#include <string_view>

#include "launcher/box/plan/plan.h"
#include "profiles/base/text.h"

namespace carrel::service {
namespace {

constexpr mode_t kSticky = 01000;
constexpr int kBacklog = 64;
constexpr int kPredecessorMs = 40'000;
constexpr gid_t kBrokerGroup = plan::kBlockBase;

struct CloseFolder {
  void operator()(DIR* folder) const { closedir(folder); }
};

/// What a new state folder may hold: what its admin put there beforehand among it.
constexpr std::array<std::string_view, 7> kMayBeThere = {
    ".", "..", "run", "lost+found", "network.toml", "issuer.toml", "secrets"};

/// One that was prepared before, or holds no more than the `run` that `carrel open` makes, or what
/// a disk of its own comes with.
Status check_is_ours(int state_fd, const std::string& path, StateOwner owner) {
  struct stat what {};
  if (fstat(state_fd, &what) != 0) return errno_error("fstat the state folder");
  if (owner == StateOwner::kRoot && what.st_uid == 0 && what.st_gid == kBrokerGroup) return Done{};
  if (owner == StateOwner::kCaller && what.st_uid != 0) {
    return Error{"the folder " + quoted(path) + " is another user's"};
  }
  // An ordinary user's folder has no group to tell it by.
  if (owner == StateOwner::kCaller && faccessat(state_fd, "run/launcher.lock", F_OK, 0) == 0) {
    return Done{};
  }
  UniqueFd again(openat(state_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!again.valid()) return errno_error("open the state folder " + quoted(path));
  const std::unique_ptr<DIR, CloseFolder> folder(fdopendir(again.get()));
  if (folder == nullptr) return errno_error("list the state folder " + quoted(path));
  (void)again.release();
  while (const dirent* entry = readdir(folder.get())) {  // NOLINT(concurrency-mt-unsafe)
    const std::string_view name = entry->d_name;
    if (std::find(kMayBeThere.begin(), kMayBeThere.end(), name) == kMayBeThere.end()) {
      return Error{"the folder " + quoted(path) +
                   " is not empty and no state folder of Carrel's: give another one"};
    }
  }
  return Done{};
}

/// A launcher that found itself not needed, or lost its broker, ends within seconds.
Status take_lock(int lock_fd, const std::string& path) {
  constexpr int kStepMs = 10;
  for (int waited = 0; flock(lock_fd, LOCK_EX | LOCK_NB) != 0; waited += kStepMs) {
    if ((errno != EWOULDBLOCK && errno != EINTR) || waited >= kPredecessorMs) {
      return errno_error("another launcher serves " + quoted(path) + ": lock");
    }
    const timespec step{0, kStepMs * 1'000'000L};
    nanosleep(&step, nullptr);
  }
  return Done{};
}

std::string path_of(int fd) {
  std::array<char, PATH_MAX> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = readlink(link.c_str(), path.data(), path.size() - 1);
  return length > 0 ? std::string(path.data(), static_cast<size_t>(length)) : "the state folder";
}

Result<UniqueFd> open_folder(int parent_fd, const char* name, mode_t mode) {
  if (mkdirat(parent_fd, name, mode) != 0 && errno != EEXIST) {
    return errno_error(std::string("make ") + name + " in the state folder");
  }
  UniqueFd folder(openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.valid()) return errno_error(std::string("open ") + name + " in the state folder");
  struct stat what {};
  if (fstat(folder.get(), &what) != 0) return errno_error(std::string("fstat ") + name);
  if (what.st_uid != 0) return Error{std::string(name) + " in the state folder is not root's"};
  if (fchmod(folder.get(), mode) != 0) return errno_error(std::string("set mode of ") + name);
  return folder;
}

Result<UniqueFd> open_file(int run_fd, const char* name, int flags) {
  UniqueFd file(openat(run_fd, name, flags | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.valid()) return errno_error(std::string("open run/") + name);
  return file;
}

/// A listening socket below run/, bound by way of /proc so that its length does not matter.
Result<UniqueFd> listen_at(int run_fd, const char* name, mode_t mode) {
  if (unlinkat(run_fd, name, 0) != 0 && errno != ENOENT) {
    return errno_error(std::string("remove the old run/") + name);
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(run_fd) + "/" + name;
  if (path.size() >= sizeof address.sun_path) return Error{"socket path", ENAMETOOLONG};
  memcpy(address.sun_path, path.c_str(), path.size() + 1);
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return errno_error("socket");
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(socket.get(), kBacklog) != 0) {
    return errno_error(std::string("listen at run/") + name);
  }
  // connect(2) asks for the right to write.
  if (fchmodat(run_fd, name, mode, 0) != 0) return errno_error(std::string("set mode of ") + name);
  return socket;
}

/// run/NAME leads to the same socket in a service's folder.
Status link_to(const State& state, const char* name) {
  if (unlinkat(state.run.get(), name, 0) != 0 && errno != ENOENT) {
    return errno_error(std::string("remove the old run/") + name);
  }
  const std::string target = path_of(state.sockets.get()) + "/" + name;
  if (symlinkat(target.c_str(), state.run.get(), name) != 0) {
    return errno_error(std::string("link run/") + name + " to " + quoted(target));
  }
  return Done{};
}

/// Links in run/ to sockets in run/ would lead to themselves.
Status check_apart(const State& state) {
  struct stat sockets {};
  if (fstat(state.sockets.get(), &sockets) != 0) return errno_error("stat the sockets' folder");
  for (const UniqueFd* other : {&state.run, &state.directory}) {
    struct stat what {};
    if (fstat(other->get(), &what) != 0) return errno_error("stat the state folder");
    if (what.st_dev == sockets.st_dev && what.st_ino == sockets.st_ino) {
      return Error{
          "--sockets: give another folder than the state folder's own, which no user can enter"};
    }
  }
  return Done{};
}

Status make_sockets(State& state) {
  const bool service = state.sockets.valid();
  if (service) RETURN_IF_ERROR(check_apart(state));
  const int folder_fd = service ? state.sockets.get() : state.run.get();
  const mode_t mode = service ? 0666 : 0700;
  ASSIGN_OR_RETURN(state.launcher_listener, listen_at(folder_fd, "launcher.sock", mode));
  ASSIGN_OR_RETURN(state.broker_listener, listen_at(folder_fd, "broker.sock", mode));
  if (!service) return Done{};
  RETURN_IF_ERROR(link_to(state, "launcher.sock"));
  return link_to(state, "broker.sock");
}

}  // namespace

Result<State> open_state(UniqueFd state_fd, StateOwner owner, UniqueFd sockets) {
  State state;
  state.directory = std::move(state_fd);
  state.path = path_of(state.directory.get());
  RETURN_IF_ERROR(check_is_ours(state.directory.get(), state.path, owner));
  const bool root = owner == StateOwner::kRoot;
  if ((root && fchown(state.directory.get(), 0, kBrokerGroup) != 0) ||
      fchmod(state.directory.get(), root ? kSticky | 0770 : 0700) != 0) {
    return errno_error("give the state folder " + quoted(state.path) + " to the broker's group");
  }
  ASSIGN_OR_RETURN(state.run, open_folder(state.directory.get(), "run", 0700));
  ASSIGN_OR_RETURN(state.lock, open_file(state.run.get(), "launcher.lock", O_RDWR));
  RETURN_IF_ERROR(take_lock(state.lock.get(), state.path));
  ASSIGN_OR_RETURN(state.startup, open_file(state.run.get(), "startup.lock", O_RDWR));
  ASSIGN_OR_RETURN(state.log, open_file(state.run.get(), "launcher.log", O_WRONLY | O_APPEND));
  ASSIGN_OR_RETURN(state.broker_log, open_file(state.run.get(), "broker.log", O_WRONLY | O_APPEND));
  const mode_t entered = root ? 0711 : 0700;  // by uids of workspaces
  ASSIGN_OR_RETURN(state.workspaces, open_folder(state.directory.get(), "workspaces", entered));
  ASSIGN_OR_RETURN(state.slices, open_folder(state.directory.get(), "slices", entered));
  ASSIGN_OR_RETURN(state.pool, open_folder(state.directory.get(), "pool", 0700));
  ASSIGN_OR_RETURN(state.vault, open_folder(state.directory.get(), "vault", 0700));
  ASSIGN_OR_RETURN(state.secrets, open_folder(state.directory.get(), "secrets", 0700));
  state.sockets = std::move(sockets);
  RETURN_IF_ERROR(make_sockets(state));
  return state;
}

Status publish_policy(const State& state) {
  constexpr size_t kMaxPolicy = size_t{64} << 10;
  const char* const name = "trust.policy";
  const UniqueFd from(
      openat(state.directory.get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!from.valid()) return errno_error("open trust.policy in the state folder");
  std::string text(kMaxPolicy, '\0');
  const ssize_t got = pread(from.get(), text.data(), text.size(), 0);
  if (got < 0) return errno_error("read trust.policy in the state folder");
  if (unlinkat(state.sockets.get(), name, 0) != 0 && errno != ENOENT) {
    return errno_error("remove the old trust.policy beside the sockets");
  }
  const UniqueFd to(openat(state.sockets.get(), name,
                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!to.valid()) return errno_error("make trust.policy beside the sockets");
  if (write(to.get(), text.data(), static_cast<size_t>(got)) != got) {
    return errno_error("write trust.policy beside the sockets");
  }
  return Done{};
}

void remove_sockets(const State& state) {
  for (const char* name : {"launcher.sock", "broker.sock"}) {
    (void)unlinkat(state.run.get(), name, 0);
    if (state.sockets.valid()) (void)unlinkat(state.sockets.get(), name, 0);
  }
}

UniqueFd accept_from(int listener_fd) {
  return UniqueFd(accept4(listener_fd, nullptr, nullptr, SOCK_CLOEXEC));
}

}  // namespace carrel::service
