#include "launcher/cli/ssh/key_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "profiles/base/text.h"

namespace carrel::ssh_cli {
namespace {

constexpr const char* kKey = "key";
constexpr int kTurnMs = 20;

Status check_owner(int folder_fd, const std::string& path) {
  struct stat what {};
  if (fstat(folder_fd, &what) != 0) return errno_error("stat " + quoted(path));
  if (what.st_uid == geteuid()) return Done{};
  return Error{"the folder " + quoted(path) + " belongs to uid " + std::to_string(what.st_uid) +
               ": set XDG_STATE_HOME, or HOME, to a folder of your own"};
}

/// The owner of what a folder's descriptor stands for; nobody's where it cannot be told.
uid_t owner_of(int folder_fd) {
  struct stat what {};
  return fstat(folder_fd, &what) == 0 ? what.st_uid : static_cast<uid_t>(-1);
}

/// One folder further, made where it is missing. In what belongs to another user nothing is made
/// and no link followed: who may put one there must not lead us (or root) elsewhere.
Result<UniqueFd> step_into(int above_fd, const std::string& name, const std::string& path) {
  struct stat what {};
  if (fstatat(above_fd, name.c_str(), &what, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT) return errno_error("open the folder " + quoted(path));
    RETURN_IF_ERROR(check_owner(above_fd, path.substr(0, path.size() - name.size())));
    if (mkdirat(above_fd, name.c_str(), 0700) != 0 && errno != EEXIST)
      return errno_error("make the folder " + quoted(path));
  }
  const uid_t owner = owner_of(above_fd);
  const bool follows = S_ISLNK(what.st_mode) && (owner == 0 || owner == geteuid());
  UniqueFd folder(openat(above_fd, name.c_str(),
                         O_PATH | O_DIRECTORY | O_CLOEXEC | (follows ? 0 : O_NOFOLLOW)));
  if (!folder.valid()) return errno_error("open the folder " + quoted(path));
  return folder;
}

/// Every folder of an absolute path.
Result<UniqueFd> open_above(const std::string& path) {
  UniqueFd folder(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) return errno_error("open /");
  for (size_t begin = 1; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (end > begin) {
      ASSIGN_OR_RETURN(
          folder, step_into(folder.get(), path.substr(begin, end - begin), path.substr(0, end)));
    }
    begin = end + 1;
  }
  return folder;
}

Result<UniqueFd> open_beneath(int above_fd, const std::string& name, const std::string& path) {
  if (mkdirat(above_fd, name.c_str(), 0700) != 0 && errno != EEXIST)
    return errno_error("make the folder " + quoted(path));
  UniqueFd folder(openat(above_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.valid()) return errno_error("open the folder " + quoted(path));
  RETURN_IF_ERROR(check_owner(folder.get(), path));
  if (fchmod(folder.get(), 0700) != 0) return errno_error("set the mode of " + quoted(path));
  return folder;
}

/// Whoever has it may have been stopped: nobody waits for ever.
Status take_lock(int folder_fd, const std::string& path, int wait_ms) {
  for (int waited_ms = 0; flock(folder_fd, LOCK_EX | LOCK_NB) != 0; waited_ms += kTurnMs) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return errno_error("lock the folder " + quoted(path));
    if (waited_ms >= wait_ms) {
      return Error{"another `carrel connect --prepare` is at the folder " + quoted(path) +
                   " and does not end: end it, and try again"};
    }
    const timespec turn{0, long{kTurnMs} * 1'000'000};
    nanosleep(&turn, nullptr);
  }
  return Done{};
}

/// At most kMaxKeyFile bytes of a file that is the caller's alone.
Result<Secret> read_own(int folder_fd, const char* name) {
  const UniqueFd file(
      openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file.valid()) return errno_error("open the key");
  struct stat what {};
  if (fstat(file.get(), &what) != 0) return errno_error("stat the key");
  if (!S_ISREG(what.st_mode) || what.st_uid != geteuid() || (what.st_mode & 077) != 0)
    return Error{"the key is not the caller's alone"};
  std::string bytes(ssh::kMaxKeyFile + 1, '\0');
  const ssize_t got = read(file.get(), bytes.data(), bytes.size());
  if (got < 0) return errno_error("read the key");
  bytes.resize(static_cast<size_t>(got));
  return Secret(std::move(bytes));
}

Status write_all(int fd, std::string_view bytes, const std::string& what) {
  while (!bytes.empty()) {
    const ssize_t wrote = write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return errno_error("write " + what);
    bytes.remove_prefix(static_cast<size_t>(wrote));
  }
  return Done{};
}

}  // namespace

Result<std::string> keys_path(std::string_view xdg_state_home, std::string_view home) {
  std::string path;
  if (xdg_state_home.starts_with('/')) path = xdg_state_home;
  if (path.empty() && home.starts_with('/')) path = std::string(home) + "/.local/state";
  if (path.empty()) return Error{"no folder for keys of ssh: set HOME or XDG_STATE_HOME"};
  while (path.ends_with('/'))
    path.pop_back();
  return path + "/carrel-ssh";
}

Result<KeyFolder> KeyFolder::open(const std::string& keys_path, const std::string& alias,
                                  int wait_ms) {
  const size_t slash = keys_path.rfind('/');
  const std::string above_path = slash == 0 ? "/" : keys_path.substr(0, slash);
  ASSIGN_OR_RETURN(const UniqueFd above, open_above(above_path));
  RETURN_IF_ERROR(check_owner(above.get(), above_path));
  ASSIGN_OR_RETURN(const UniqueFd keys,
                   open_beneath(above.get(), keys_path.substr(slash + 1), keys_path));
  std::string path = keys_path + "/" + alias;
  ASSIGN_OR_RETURN(UniqueFd folder, open_beneath(keys.get(), alias, path));
  RETURN_IF_ERROR(take_lock(folder.get(), path, wait_ms));
  return KeyFolder(std::move(folder), std::move(path));
}

Result<ssh::PublicKey> KeyFolder::read_key() {
  ASSIGN_OR_RETURN(const Secret text, read_own(folder_.get(), kKey));
  ASSIGN_OR_RETURN(const ssh::KeyPair pair, ssh::parse_private_file(text.expose()));
  return pair.key.public_key();
}

Result<ssh::PublicKey> KeyFolder::own_key() {
  Result<ssh::PublicKey> there = read_key();
  if (there.ok()) return there;
  ASSIGN_OR_RETURN(const ssh::KeyPair made, ssh::KeyPair::generate());
  ASSIGN_OR_RETURN(const Secret file, ssh::to_private_file(made, "carrel"));
  RETURN_IF_ERROR(replace(kKey, file.expose()));
  return made.key.public_key();
}

Status KeyFolder::replace(const std::string& name, std::string_view bytes) {
  // Under the lock one name is enough; what is there is left of somebody who was stopped.
  const std::string beside = name + ".new";
  const std::string shown = quoted(path_) + "/" + name;
  if (unlinkat(folder_.get(), beside.c_str(), 0) != 0 && errno != ENOENT)
    return errno_error("remove " + quoted(path_) + "/" + beside);
  const UniqueFd file(openat(folder_.get(), beside.c_str(),
                             O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.valid()) return errno_error("make " + quoted(path_) + "/" + beside);
  RETURN_IF_ERROR(write_all(file.get(), bytes, shown));
  if (renameat(folder_.get(), beside.c_str(), folder_.get(), name.c_str()) != 0)
    return errno_error("replace " + shown);
  return Done{};
}

}  // namespace carrel::ssh_cli
