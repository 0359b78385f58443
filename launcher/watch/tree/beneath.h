#pragma once
// Opening one name at a time beneath a folder that an attacker filled.

#include <dirent.h>
#include <sys/stat.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::tree {

/// Opens `name`, a single component, in `folder_fd`: follows no link, crosses no mount, waits for
/// nothing. Close-on-exec. Linux 5.6 (openat2(2)), which the host check demands.
Result<UniqueFd> open_in(int folder_fd, const char* name, int flags);

using Stream = std::unique_ptr<DIR, int (*)(DIR*)>;

/// The entries of the folder `name` in `folder_fd`.
Result<Stream> open_folder(int folder_fd, const char* name);

/// The next entry but "." and ".."; "" at the end.
Result<std::string> next_name(DIR* stream);

/// What `name` itself is (never what a link points to).
Result<struct stat> stat_in(int folder_fd, const char* name);

/// True for an errno which says that there is nothing at a path (any more).
bool is_gone(int error);

/// Why something could not be looked at, as a note.
std::string_view why_not(int error);

/// A relative path as its folder ("" at the top) and its name.
struct Split {
  std::string folder;
  std::string name;
};
Split split(std::string_view path);

/// Descriptors of the folders above one path, reused for the next. Paths that come in the order of
/// their bytes open each folder once. Holds as many descriptors as a path has folders.
class FolderCursor {
 public:
  explicit FolderCursor(int root_fd) : root_fd_(root_fd) {}
  /// The folder (O_PATH) at a relative path; valid until the next call.
  Result<int> at(std::string_view folder);

 private:
  struct Level {
    std::string path;
    UniqueFd fd;
  };
  int root_fd_;
  std::vector<Level> levels_;
};

}  // namespace carrel::tree
