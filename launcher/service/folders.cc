#include "launcher/service/folders.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "launcher/box/plan/plan.h"
#include "profiles/base/text.h"

namespace carrel::service {
namespace {

struct CloseFolder {
  void operator()(DIR* folder) const { closedir(folder); }
};

struct Level {
  UniqueFd folder;
  std::string name;  // in the folder of the level above
  std::vector<std::string> left;
};

Result<Level> enter(int parent_fd, const std::string& name) {
  Level level;
  level.name = name;
  level.folder.reset(
      openat(parent_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!level.folder.valid()) return errno_error("open " + quoted(name) + " to remove it");
  ASSIGN_OR_RETURN(level.left, names_in_folder(level.folder.get()));
  return level;
}

}  // namespace

Result<UniqueFd> make_workspace_folder(int parent_fd, const std::string& name, FolderOwner owner) {
  if (mkdirat(parent_fd, name.c_str(), owner == FolderOwner::kCaller ? 0700 : 0711) != 0) {
    return errno_error("make the workspace's folder " + quoted(name));
  }
  UniqueFd folder(openat(parent_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.valid()) return errno_error("open the workspace's folder " + quoted(name));
  if (owner != FolderOwner::kWorkspace) return folder;
  if (fchown(folder.get(), plan::kOnDiskOwner, plan::kOnDiskOwner) != 0 ||
      fchmod(folder.get(), 0755) != 0) {
    return errno_error("own the workspace's folder " + quoted(name));
  }
  return folder;
}

Result<std::vector<std::string>> names_in_folder(int folder_fd) {
  UniqueFd again(openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!again.valid()) return errno_error("open a folder to list it");
  const std::unique_ptr<DIR, CloseFolder> folder(fdopendir(again.get()));
  if (folder == nullptr) return errno_error("list a folder");
  (void)again.release();
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(folder.get())) {  // NOLINT(concurrency-mt-unsafe)
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
      names.emplace_back(entry->d_name);
    }
  }
  if (errno != 0) return errno_error("list a folder");
  return names;
}

Result<UniqueFd> open_beneath(int folder_fd, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<__u64>(flags | O_CLOEXEC | O_NOFOLLOW);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  UniqueFd fd(static_cast<int>(syscall(SYS_openat2, folder_fd, path.c_str(), &how, sizeof how)));
  if (!fd.valid()) return errno_error("open " + quoted(path) + " in the workspace's folder");
  return fd;
}

Result<UniqueFd> place_at(int folder_fd, const char* name) {
  if (mkdirat(folder_fd, name, 0700) != 0 && errno != EEXIST) {
    return errno_error("make " + quoted(name) + " in the workspace's folder");
  }
  return open_beneath(folder_fd, name, O_RDONLY | O_DIRECTORY);
}

Result<SlicedRepository> open_sliced(const std::string& name, UniqueFd folder) {
  SlicedRepository out;
  out.name = name;
  out.folder = std::move(folder);
  ASSIGN_OR_RETURN(out.manifest, open_beneath(out.folder.get(), "manifest", O_RDONLY | O_NONBLOCK));
  struct stat what {};
  if (fstat(out.manifest.get(), &what) != 0) return errno_error("fstat the slice's manifest");
  if (!S_ISREG(what.st_mode)) return Error{"the slice's manifest is not a file"};
  ASSIGN_OR_RETURN(manifest::Head head, manifest::read_manifest_head(out.manifest.get()));
  out.head = std::move(head.manifest);
  return out;
}

Status remove_tree(int parent_fd, const std::string& name) {
  std::vector<Level> levels;
  ASSIGN_OR_RETURN(Level top, enter(parent_fd, name));
  levels.push_back(std::move(top));
  while (!levels.empty()) {
    Level& level = levels.back();
    if (level.left.empty()) {
      const int above = levels.size() > 1 ? levels[levels.size() - 2].folder.get() : parent_fd;
      if (unlinkat(above, level.name.c_str(), AT_REMOVEDIR) != 0) {
        return errno_error("remove folder " + quoted(level.name));
      }
      levels.pop_back();
      continue;
    }
    const std::string each = std::move(level.left.back());
    level.left.pop_back();
    if (unlinkat(level.folder.get(), each.c_str(), 0) == 0) continue;
    if (errno != EISDIR && errno != EPERM) return errno_error("remove " + quoted(each));
    ASSIGN_OR_RETURN(Level below, enter(level.folder.get(), each));
    levels.push_back(std::move(below));
  }
  return Done{};
}

}  // namespace carrel::service
