#include "launcher/watch/tree/beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace carrel::tree {

Result<UniqueFd> open_in(int folder_fd, const char* name, int flags) {
  const auto asked = static_cast<unsigned>(flags);
  open_how how{};
  how.flags = asked | O_CLOEXEC | O_NOFOLLOW;
  // Opening a FIFO must not wait for a writer, whatever was seen in its place before.
  if ((asked & O_PATH) == 0) how.flags |= O_NONBLOCK | O_NOCTTY;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  const long fd = syscall(SYS_openat2, folder_fd, name, &how, sizeof how);
  if (fd < 0) return errno_error("open an entry of the tree");
  return UniqueFd(static_cast<int>(fd));
}

Result<Stream> open_folder(int folder_fd, const char* name) {
  ASSIGN_OR_RETURN(UniqueFd fd, open_in(folder_fd, name, O_RDONLY | O_DIRECTORY));
  Stream stream(fdopendir(fd.get()), closedir);
  if (stream == nullptr) return errno_error("read a folder of the tree");
  (void)fd.release();  // the stream owns it now
  return stream;
}

Result<std::string> next_name(DIR* stream) {
  for (;;) {
    errno = 0;
    // Safe on a stream of one thread (readdir(3)).
    const dirent* entry = readdir(stream);  // NOLINT(concurrency-mt-unsafe)
    if (entry == nullptr && errno != 0) return errno_error("read a folder of the tree");
    if (entry == nullptr) return std::string();
    std::string name = entry->d_name;
    if (name != "." && name != "..") return name;
  }
}

Result<struct stat> stat_in(int folder_fd, const char* name) {
  struct stat seen {};
  if (fstatat(folder_fd, name, &seen, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
    return errno_error("look at an entry of the tree");
  }
  return seen;
}

bool is_gone(int error) {
  return error == ENOENT || error == ENOTDIR || error == ELOOP || error == ENAMETOOLONG;
}

std::string_view why_not(int error) {
  return error == EXDEV ? "not looked at: another mount" : "not readable";
}

Split split(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {"", std::string(path)};
  return {std::string(path.substr(0, slash)), std::string(path.substr(slash + 1))};
}

Result<int> FolderCursor::at(std::string_view folder) {
  const auto is_above = [&](const std::string& path) {
    return folder.starts_with(path) && (folder.size() == path.size() || folder[path.size()] == '/');
  };
  while (!levels_.empty() && !is_above(levels_.back().path))
    levels_.pop_back();
  size_t begin = levels_.empty() ? 0 : levels_.back().path.size() + 1;
  while (begin < folder.size()) {
    const size_t end = std::min(folder.find('/', begin), folder.size());
    const std::string name(folder.substr(begin, end - begin));
    const int parent_fd = levels_.empty() ? root_fd_ : levels_.back().fd.get();
    ASSIGN_OR_RETURN(UniqueFd fd, open_in(parent_fd, name.c_str(), O_PATH | O_DIRECTORY));
    levels_.push_back({std::string(folder.substr(0, end)), std::move(fd)});
    begin = end + 1;
  }
  return levels_.empty() ? root_fd_ : levels_.back().fd.get();
}

}  // namespace carrel::tree
