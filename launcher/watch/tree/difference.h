#pragma once
// What changed in a working tree since the contractor got it: found by walking the tree beneath a
// descriptor after everything in the workspace has ended, so that it also sees what no sensor does
// (writes through shared mappings). Names and contents are hostile.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/record/events/event.h"
#include "broker/wire/manifest/manifest.h"
#include "profiles/base/result.h"

namespace carrel::tree {

inline constexpr uint64_t kMaxContent = uint64_t{64} << 20;  // larger contents are named, not kept

/// One repository's working tree. Descriptors are borrowed; both are directories.
struct Tree {
  std::string root;  // as seen inside: "/workspaces/NAME"
  int tree_fd = -1;
  int pristine_fd = -1;  // files named by the hex SHA-256 of their contents, from the slicer
  const manifest::Manifest* manifest = nullptr;
  /// Nothing else can differ than what is at or below these paths, of which none is below another;
  /// "" is everything. The manifest need have no files beside them. See touched.h.
  std::vector<std::string> within = {""};
};

/// Bounds of one difference; what they leave out is said by a change with a note.
struct Limits {
  uint64_t max_entries = 1'000'000;  // files and folders beside those of the manifest
  uint32_t max_depth = 256;          // folders within folders
  uint64_t max_changes = 100'000;
  uint64_t max_content_total = uint64_t{1} << 30;  // bytes handed to the sink
};

/// What stands at the place of a read-only entry, where `change` (of a difference of this tree)
/// says that it is not what the slicer left there; nothing for all other changes. Pure.
std::optional<events::PolicyDisplaced> displaced(const Tree& tree,
                                                 const events::FileChanged& change);

/// Keeps one content under its SHA-256 (32 bytes); called again only after an Error. ENOSPC: there
/// is no room for it, which the change says then; another Error ends the difference.
using ContentSink = std::function<Status(std::string_view sha256, std::string_view content)>;

/// Every added, modified, deleted file and every changed mode (executable bit), sorted by path,
/// paths as seen inside. Regular files and symbolic links count; other kinds are reported as added
/// with a note. ".git" at the top of the tree is left out (it is the contractor's own). A place of
/// a read-only entry that is not the empty folder or file which the slicer left there is reported
/// with the note "displaced bind". Opens beneath `tree_fd` only, never follows a link, crosses no
/// mount. An Error only when the tree itself cannot be read or the sink fails.
Result<std::vector<events::FileChanged>> difference(const Tree& tree, const Limits& limits,
                                                    const ContentSink& keep);

}  // namespace carrel::tree
