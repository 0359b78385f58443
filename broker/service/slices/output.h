#pragma once
// Files made beneath a folder, by descriptor and never through a symbolic link: names come from a
// repository that may be hostile.

#include <string>
#include <string_view>
#include <vector>

#include "broker/wire/manifest/manifest.h"
#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::slices {

using manifest::kFileTime;
using manifest::kIndexTime;

/// Writes all bytes, or says why not.
Status write_all(int fd, std::string_view bytes, const std::string& what);

/// A folder being filled. Paths are relative, with single slashes, without "." and ".." (RelPath);
/// folders on the way are made (0755). A file or link that is already there is an Error.
class OutputFolder {
 public:
  /// Makes `name` in `parent_fd`; `shown` begins every error.
  static Result<OutputFolder> make(int parent_fd, const std::string& name,
                                   const std::string& shown);

  Status folder(std::string_view path);
  /// A file with kFileTime.
  Status file(std::string_view path, std::string_view bytes, unsigned mode);
  /// A symbolic link with kFileTime.
  Status link(std::string_view path, const std::string& target);
  /// Gives a time to what others have put here.
  Status set_time(std::string_view path, int64_t seconds);
  /// The last thing: gives kFileTime to every folder made here.
  Status settle();

 private:
  struct Level {
    std::string name;
    UniqueFd folder;
  };
  OutputFolder(UniqueFd root, std::string shown)
      : root_(std::move(root)), shown_(std::move(shown)) {}
  /// The descriptor of a folder, made where it is missing. Files come sorted, so that the folders
  /// on the way to the last one are kept open.
  Result<int> enter(std::string_view path);
  [[nodiscard]] std::string what(std::string_view verb, std::string_view path) const;

  UniqueFd root_;
  std::string shown_;
  std::vector<Level> open_;
  std::vector<std::string> made_;  // folders
};

}  // namespace carrel::slices
