#pragma once
// Where a tree in an overlay can differ from the slice below it, found in the upper layer: what a
// session costs at its end does not grow with the slice.
//
// Whatever is done to an overlay leaves an entry of the same path in its upper layer. So below a
// folder that shows the slice's own folder of that path, nothing differs but what the upper layer
// names. Whether a folder does is proved by a file of the slice that shows through it with its own
// inode. It does not where the folder was removed and made anew ("opaque"), or another one was
// renamed to its place ("redirect"): overlayfs keeps that in trusted.* attributes, which nobody but
// the host's root can read or write (xattr_permission() in fs/xattr.c), and which are not asked
// here. Neither are whiteouts: what the upper layer has at a path, of whatever kind, is only a
// reason to look at that path in the tree itself. What cannot be proved is looked at as a whole.

#include <optional>
#include <string>
#include <vector>

#include "broker/wire/manifest/manifest.h"
#include "launcher/watch/tree/difference.h"

namespace carrel::tree {

/// Folders, borrowed. `tree_fd` must show files of the slice with the inode numbers that they have
/// in `slice_fd`, as an overlay without xino does.
struct Layers {
  int tree_fd = -1;
  int upper_fd = -1;
  int slice_fd = -1;
};

/// What a difference has to look at.
struct Scope {
  std::vector<std::string> within;  // for Tree::within
  manifest::Manifest manifest;      // of its files, those at and below these paths
};

/// Everything where there are no layers, the upper one cannot be read, or holds more than the
/// limits say. An Error only when the manifest is none.
Result<Scope> find_scope(const std::optional<Layers>& layers, int manifest_fd,
                         const Limits& limits);

}  // namespace carrel::tree
