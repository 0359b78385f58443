#pragma once
// Finds what is in the tree and not in the manifest.

#include "launcher/watch/tree/changes.h"
#include "launcher/watch/tree/contents.h"
#include "launcher/watch/tree/difference.h"

namespace carrel::tree {

/// Longest path of a folder that is entered; folders can be nested beyond any path.
inline constexpr size_t kMaxFolderPath = 4096;

/// Reports every added file within `tree.within`, and each place that it does not look into. Holds
/// one descriptor for each level of folders. An Error when the tree's own folder cannot be read or
/// the sink fails.
Status walk_added(const Tree& tree, const Limits& limits, Contents& contents, Changes& changes);

}  // namespace carrel::tree
