#include "broker/service/slices/output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "profiles/base/text.h"

namespace carrel::slices {
namespace {

constexpr std::array<timespec, 2> times(int64_t seconds) {
  return {timespec{seconds, 0}, timespec{seconds, 0}};
}
constexpr std::array<timespec, 2> kTimes = times(kFileTime);

/// The folder part of a path ("" when there is none) and its last name.
std::pair<std::string_view, std::string> split(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {"", std::string(path)};
  return {path.substr(0, slash), std::string(path.substr(slash + 1))};
}

}  // namespace

Status write_all(int fd, std::string_view bytes, const std::string& what) {
  while (!bytes.empty()) {
    const ssize_t wrote = write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return errno_error(what);
    bytes.remove_prefix(static_cast<size_t>(wrote));
  }
  return Done{};
}

std::string OutputFolder::what(std::string_view verb, std::string_view path) const {
  return std::string(verb) + " " + shown_ + "/" + quoted(path.substr(0, 200));
}

Result<OutputFolder> OutputFolder::make(int parent_fd, const std::string& name,
                                        const std::string& shown) {
  if (mkdirat(parent_fd, name.c_str(), 0755) != 0) return errno_error("make folder " + shown);
  UniqueFd root(openat(parent_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!root.valid()) return errno_error("open folder " + shown);
  return OutputFolder(std::move(root), shown);
}

Result<int> OutputFolder::enter(std::string_view path) {
  size_t depth = 0;
  std::string_view rest = path;
  while (!rest.empty()) {
    const std::string name(rest.substr(0, rest.find('/')));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    if (depth < open_.size() && open_[depth].name == name) {
      ++depth;
      continue;
    }
    open_.resize(depth);
    const int above = depth == 0 ? root_.get() : open_.back().folder.get();
    const bool made = mkdirat(above, name.c_str(), 0755) == 0;
    if (!made && errno != EEXIST) return errno_error(what("make folder", path));
    if (made)
      made_.emplace_back(path.substr(0, path.size() - rest.size() - (rest.empty() ? 0 : 1)));
    UniqueFd folder(openat(above, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder.valid()) return errno_error(what("open folder", path));
    open_.push_back({name, std::move(folder)});
    ++depth;
  }
  open_.resize(depth);
  return depth == 0 ? root_.get() : open_.back().folder.get();
}

Status OutputFolder::folder(std::string_view path) {
  ASSIGN_OR_RETURN([[maybe_unused]] const int fd, enter(path));
  return Done{};
}

Status OutputFolder::file(std::string_view path, std::string_view bytes, unsigned mode) {
  const auto [above, name] = split(path);
  ASSIGN_OR_RETURN(const int folder_fd, enter(above));
  const UniqueFd file(
      openat(folder_fd, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!file.valid()) return errno_error(what("make", path));
  RETURN_IF_ERROR(write_all(file.get(), bytes, what("write", path)));
  if (futimens(file.get(), kTimes.data()) != 0) return errno_error(what("set the time of", path));
  return Done{};
}

Status OutputFolder::link(std::string_view path, const std::string& target) {
  const auto [above, name] = split(path);
  ASSIGN_OR_RETURN(const int folder_fd, enter(above));
  if (symlinkat(target.c_str(), folder_fd, name.c_str()) != 0) {
    return errno_error(what("make link", path));
  }
  if (utimensat(folder_fd, name.c_str(), kTimes.data(), AT_SYMLINK_NOFOLLOW) != 0) {
    return errno_error(what("set the time of", path));
  }
  return Done{};
}

Status OutputFolder::set_time(std::string_view path, int64_t seconds) {
  const auto [above, name] = split(path);
  ASSIGN_OR_RETURN(const int folder_fd, enter(above));
  if (utimensat(folder_fd, name.c_str(), times(seconds).data(), AT_SYMLINK_NOFOLLOW) != 0) {
    return errno_error(what("set the time of", path));
  }
  return Done{};
}

Status OutputFolder::settle() {
  const std::vector<std::string> made = std::move(made_);
  made_.clear();
  for (const std::string& path : made) {
    ASSIGN_OR_RETURN(const int folder_fd, enter(path));
    if (futimens(folder_fd, kTimes.data()) != 0) return errno_error(what("set the time of", path));
  }
  if (futimens(root_.get(), kTimes.data()) != 0) return errno_error("set the time of " + shown_);
  return Done{};
}

}  // namespace carrel::slices
