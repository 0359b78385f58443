#pragma once
// What git needs to live with a slice (docs/slices.md): as the slicer writes it, and as it is put
// back into what a contractor has made of these files since. Pure; the bytes are hostile.

#include <string>
#include <string_view>
#include <vector>

#include "broker/wire/manifest/manifest.h"
#include "profiles/base/result.h"

namespace carrel::slices {

using Entries = std::vector<manifest::ReadOnlyEntry>;

/// Larger settings are left alone, with an Error.
inline constexpr size_t kMaxSettingsBytes = size_t{1} << 20;

/// .git/config and .git/config.worktree: our lines at the end, where they win, everything else as
/// it was. Gives the same bytes for what it has made itself.
Result<std::string> with_config(std::string_view present, bool has_read_only);

/// .git/info/sparse-checkout: everything, or the contractor's own patterns, but the entries.
Result<std::string> with_sparse_patterns(std::string_view present, const Entries& entries);

/// .git/info/exclude: the contractor's own patterns, and the entries, which are untracked on a
/// branch that does not have them.
Result<std::string> with_exclude_patterns(std::string_view present, const Entries& entries);

}  // namespace carrel::slices
