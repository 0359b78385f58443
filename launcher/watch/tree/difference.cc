#include "launcher/watch/tree/difference.h"

#include <sys/stat.h>

#include "launcher/watch/tree/changes.h"
#include "launcher/watch/tree/compare.h"
#include "launcher/watch/tree/contents.h"
#include "launcher/watch/tree/walk.h"
#include "profiles/base/check.h"

namespace carrel::tree {

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
