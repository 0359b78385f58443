#include "launcher/service/trusted_folder.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "profiles/base/text.h"

namespace carrel::service {
namespace {

constexpr size_t kMaxParts = 256;

/// Without "." and "..", as text.
Result<std::vector<std::string>> parts_of(const std::string& path) {
  if (path.empty() || path[0] != '/')
    return Error{quoted(path) + " is not an absolute path", EINVAL};
  if (path.find('\0') != std::string::npos) return Error{"a path holds a NUL", EINVAL};
  std::vector<std::string> parts;
  for (size_t begin = 1; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string part = path.substr(begin, end - begin);
    begin = end + 1;
    if (part == ".." && !parts.empty()) parts.pop_back();
    if (part.empty() || part == "." || part == "..") continue;
    if (parts.size() >= kMaxParts) return Error{quoted(path) + " is too deep", ENAMETOOLONG};
    parts.push_back(part);
  }
  return parts;
}

struct Step {
  std::string path;
  struct stat what {};
};

/// One step down, never along a link.
Result<UniqueFd> step_down(int above_fd, const std::string& name, const std::string& shown) {
  UniqueFd below(openat(above_fd, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (below.valid()) return below;
  const Error error = errno_error("open " + quoted(shown));
  struct stat what {};
  if (fstatat(above_fd, name.c_str(), &what, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(what.st_mode)) {
    return Error{
        quoted(shown) + " is a symbolic link: a service follows none; name the folder itself",
        ELOOP};
  }
  return error;
}

/// Who can change what is in this folder is root or `owner`, where it is above what is opened.
Status check_above(const Step& step, uid_t owner) {
  const bool theirs = step.what.st_uid == 0 || step.what.st_uid == owner;
  if (!theirs) {
    return Error{quoted(step.path) + " belongs to uid " + std::to_string(step.what.st_uid) +
                     ", who could put another folder there: give it to root",
                 EPERM};
  }
  const bool written_by_others = (step.what.st_mode & (S_IWGRP | S_IWOTH)) != 0;
  if (written_by_others && (step.what.st_mode & S_ISVTX) == 0) {
    return Error{quoted(step.path) +
                     " is writable by its group or by all, who could put another folder there: "
                     "chmod go-w",
                 EPERM};
  }
  return Done{};
}

}  // namespace

Result<UniqueFd> open_trusted_folder(const std::string& path, std::optional<uid_t> owner) {
  ASSIGN_OR_RETURN(const std::vector<std::string> parts, parts_of(path));
  UniqueFd here(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!here.valid()) return errno_error("open /");
  std::vector<Step> steps(1);
  steps.back().path = "/";
  if (fstat(here.get(), &steps.back().what) != 0) return errno_error("stat /");
  std::string shown;
  for (const std::string& part : parts) {
    shown += "/" + part;
    ASSIGN_OR_RETURN(here, step_down(here.get(), part, shown));
    steps.emplace_back();
    steps.back().path = shown;
    if (fstat(here.get(), &steps.back().what) != 0) return errno_error("stat " + quoted(shown));
  }
  const Step last = std::move(steps.back());
  steps.pop_back();
  if (owner.has_value() && last.what.st_uid != *owner) {
    return Error{quoted(last.path) + " belongs to uid " + std::to_string(last.what.st_uid) +
                     ", not to uid " + std::to_string(*owner),
                 EPERM};
  }
  for (const Step& step : steps)
    RETURN_IF_ERROR(check_above(step, last.what.st_uid));
  return here;
}

Result<UniqueFd> make_roots_folder(const std::string& path) {
  ASSIGN_OR_RETURN(const std::vector<std::string> parts, parts_of(path));
  std::string above = "/";
  for (const std::string& part : parts) {
    ASSIGN_OR_RETURN(const UniqueFd folder, open_trusted_folder(above, 0));
    above += (above.size() > 1 ? "/" : "") + part;
    if (mkdirat(folder.get(), part.c_str(), 0755) != 0 && errno != EEXIST) {
      return errno_error("make the folder " + quoted(above));
    }
  }
  ASSIGN_OR_RETURN(const UniqueFd found, open_trusted_folder(path, 0));
  UniqueFd folder(openat(found.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) return errno_error("open the folder " + quoted(path));
  return folder;
}

std::string task_source(const std::string& source, const std::string& profile_path) {
  if (!source.empty() && source[0] == '/') return source;
  return profile_path.substr(0, profile_path.rfind('/') + 1) + source;
}

}  // namespace carrel::service
