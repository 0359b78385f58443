#pragma once
// What became of everything that the manifest names. Asks for each name directly, so that its cost
// and its completeness depend on the manifest alone, not on what else was put into the tree.

#include "launcher/watch/tree/changes.h"
#include "launcher/watch/tree/contents.h"
#include "launcher/watch/tree/difference.h"

namespace carrel::tree {

/// Reports changed and deleted files, displaced places of read-only entries and a ".git" that is
/// gone. An Error only when the sink fails.
Status compare_known(const Tree& tree, Contents& contents, Changes& changes);

}  // namespace carrel::tree
