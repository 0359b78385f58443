#include "launcher/watch/notify/view.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace carrel::notify {
namespace {

UniqueFd open_in_root(int root_fd, const std::string& path, uint64_t flags) {
  open_how how{};
  how.flags = flags | O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT;
  return UniqueFd(static_cast<int>(syscall(SYS_openat2, root_fd, path.c_str(), &how, sizeof how)));
}

int access_of(int fd, int mode) {
  const long rc = syscall(SYS_faccessat2, fd, "", mode, AT_EMPTY_PATH | AT_EACCESS);
  return rc == 0 ? 0 : errno;
}

std::string name_of(int fd) {
  std::array<char, PATH_MAX> text{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t got = readlink(link.c_str(), text.data(), text.size());
  if (got <= 0 || text[0] != '/') return "";
  return {text.data(), static_cast<size_t>(got)};
}

/// Names whose meaning depends on who asks: there the kernel would answer us, not the payload.
bool is_about_the_asker(const std::string& path) {
  for (const char* start : {"/proc/self", "/proc/thread-self", "/proc/mounts", "/proc/net",
                            "/dev/fd", "/dev/std", "/etc/mtab", "/dev/tty"}) {
    if (path.starts_with(start)) return true;
  }
  return false;
}

std::string folder_of(std::string path) {
  while (path.size() > 1 && path.back() == '/')
    path.pop_back();
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

}  // namespace

Seen View::look(const std::string& path, Last last, bool parent) const {
  Seen seen;
  if (is_about_the_asker(path)) {
    seen.unclear = true;
    return seen;
  }
  const UniqueFd fd = open_in_root(root_.get(), path, last == Last::kAsItIs ? O_NOFOLLOW : 0);
  if (!fd.valid()) {
    seen.error = errno;
    // EXDEV: a link of the kernel's own on the way; EAGAIN: something was renamed meanwhile.
    seen.unclear = seen.error == EXDEV || seen.error == EAGAIN || seen.error == EINTR;
  } else {
    struct statx what {};
    if (statx(fd.get(), "", AT_EMPTY_PATH, STATX_BASIC_STATS, &what) != 0) seen.unclear = true;
    seen.mode = what.stx_mode;
    seen.file = {what.stx_ino, makedev(what.stx_dev_major, what.stx_dev_minor)};
    seen.mounted = (what.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
    seen.path = name_of(fd.get());
    const bool link = S_ISLNK(what.stx_mode);
    seen.may_read = link ? 0 : access_of(fd.get(), R_OK);
    seen.may_write = link ? 0 : access_of(fd.get(), W_OK);
    seen.may_execute = link ? 0 : access_of(fd.get(), X_OK);
  }
  if (!parent || seen.unclear) return seen;
  const UniqueFd folder = open_in_root(root_.get(), folder_of(path), O_DIRECTORY);
  seen.parent_there = folder.valid();
  if (folder.valid()) seen.parent_write = access_of(folder.get(), W_OK | X_OK);
  return seen;
}

}  // namespace carrel::notify
