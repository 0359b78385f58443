#include "launcher/watch/tree/difference.h"

#include <sys/stat.h>

#include <algorithm>

#include "launcher/watch/tree/changes.h"
#include "launcher/watch/tree/compare.h"
#include "launcher/watch/tree/contents.h"
#include "launcher/watch/tree/walk.h"
#include "profiles/base/check.h"

namespace carrel::tree {
namespace {

std::string_view kind_of(const events::FileChanged& change) {
  if (change.change == "deleted") return "missing";
  if (change.after_mode == 0) return "unknown";
  if (S_ISDIR(change.after_mode)) return "folder";
  if (S_ISREG(change.after_mode)) return "file";
  return S_ISLNK(change.after_mode) ? "link" : "other";
}

}  // namespace

std::optional<events::PolicyDisplaced> displaced(const Tree& tree,
                                                 const events::FileChanged& change) {
  if (change.note.find(kDisplaced) == std::string::npos) return std::nullopt;
  if (!change.path.starts_with(tree.root + "/")) return std::nullopt;
  const std::string_view path = std::string_view(change.path).substr(tree.root.size() + 1);
  const auto& entries = tree.manifest->read_only;
  const bool is_place = std::any_of(entries.begin(), entries.end(),
                                    [path](const auto& entry) { return entry.path == path; });
  if (!is_place) return std::nullopt;
  return events::PolicyDisplaced{change.path, std::string(kind_of(change))};
}

Result<std::vector<events::FileChanged>> difference(const Tree& tree, const Limits& limits,
                                                    const ContentSink& keep) {
  CHECK(tree.manifest != nullptr && keep != nullptr);
  struct stat root {};
  if (fstat(tree.tree_fd, &root) != 0) return errno_error("look at the tree " + tree.root);
  if (!S_ISDIR(root.st_mode)) return Error{"look at the tree " + tree.root + ": not a folder"};
  Contents contents(tree, limits, keep);
  Changes changes(tree.root, limits.max_changes);
  // The files handed out come first: what was added cannot use up the bounds before them.
  RETURN_IF_ERROR(compare_known(tree, contents, changes));
  RETURN_IF_ERROR(walk_added(tree, limits, contents, changes));
  return changes.finish();
}

}  // namespace carrel::tree
