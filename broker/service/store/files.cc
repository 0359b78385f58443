#include "broker/service/store/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>

namespace carrel::store {
namespace {

struct CloseDir {
  void operator()(DIR* dir) const { closedir(dir); }
};

}  // namespace

Status write_all(int fd, std::string_view bytes, const std::string& what) {
  while (!bytes.empty()) {
    const ssize_t wrote = write(fd, bytes.data(), bytes.size());
    if (wrote < 0) {
      if (errno == EINTR) continue;
      if (errno == ENOSPC || errno == EDQUOT) return errno_error("write " + what + ": store full");
      return errno_error("write " + what);
    }
    bytes.remove_prefix(static_cast<size_t>(wrote));
  }
  return Done{};
}

Status sync_data(int fd, const std::string& what) {
  if (fdatasync(fd) != 0) return errno_error("sync " + what);
  return Done{};
}

Result<UniqueFd> make_folder(int dir_fd, const std::string& name, unsigned mode) {
  if (mkdirat(dir_fd, name.c_str(), mode) != 0 && errno != EEXIST) {
    return errno_error("make folder " + name);
  }
  UniqueFd folder(openat(dir_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.valid()) return errno_error("open folder " + name);
  if (fchmod(folder.get(), mode) != 0) return errno_error("set mode of folder " + name);
  return folder;
}

Result<UniqueFd> create_file(int dir_fd, const std::string& name, unsigned mode) {
  UniqueFd file(openat(dir_fd, name.c_str(),
                       O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!file.valid()) return errno_error("create " + name);
  if (fchmod(file.get(), mode) != 0) return errno_error("set mode of " + name);
  return file;
}

Result<std::string> read_file(int dir_fd, const std::string& name, size_t limit) {
  const UniqueFd file(openat(dir_fd, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file.valid()) return errno_error("open " + name);
  std::string all;
  char part[16384];
  while (true) {
    const ssize_t got = read(file.get(), part, sizeof part);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error("read " + name);
    if (got == 0) return all;
    all.append(part, static_cast<size_t>(got));
    if (all.size() > limit) return Error{"read " + name, EFBIG};
  }
}

Status replace_file(int dir_fd, const std::string& name, std::string_view bytes, unsigned mode) {
  const std::string beside = name + ".new";
  if (unlinkat(dir_fd, beside.c_str(), 0) != 0 && errno != ENOENT) {
    return errno_error("remove " + beside);
  }
  ASSIGN_OR_RETURN(const UniqueFd file, create_file(dir_fd, beside, mode));
  RETURN_IF_ERROR(write_all(file.get(), bytes, name));
  RETURN_IF_ERROR(sync_data(file.get(), name));
  if (renameat(dir_fd, beside.c_str(), dir_fd, name.c_str()) != 0) {
    return errno_error("rename " + beside);
  }
  if (fsync(dir_fd) != 0) return errno_error("sync the folder of " + name);
  return Done{};
}

Status list_folder(int dir_fd, const std::function<void(const std::string&)>& visit) {
  UniqueFd copy(openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!copy.valid()) return errno_error("open folder to list");
  const std::unique_ptr<DIR, CloseDir> dir(fdopendir(copy.get()));
  if (dir == nullptr) return errno_error("list folder");
  (void)copy.release();
  errno = 0;
  while (const dirent* entry = readdir(dir.get())) {  // NOLINT(concurrency-mt-unsafe): own stream
    const std::string name = entry->d_name;
    if (name != "." && name != "..") visit(name);
    errno = 0;
  }
  if (errno != 0) return errno_error("list folder");
  return Done{};
}

}  // namespace carrel::store
