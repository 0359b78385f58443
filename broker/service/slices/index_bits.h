#pragma once
// git's index file (Documentation/gitformat-index.txt of git 2.39), as far as it takes to mark
// files as skip-worktree. Pure; the bytes are hostile. SHA-1 repositories.

#include <optional>
#include <string>
#include <string_view>

#include "broker/service/slices/git_settings.h"

namespace carrel::slices {

inline constexpr size_t kMaxIndexBytes = size_t{256} << 20;

/// The index with skip-worktree set for every file at or below an entry (sorted, none below
/// another) that is in no conflict; nothing where all have it already. Versions 2, 3 and 4; a
/// version 2 becomes 3. What depends on places in the file (EOIE, IEOT) is left out: git makes it
/// again. An Error, as a reason, for what is no whole index, is split, or has a required extension
/// that we do not know.
Result<std::optional<std::string>> with_skip_worktree(std::string_view index,
                                                      const Entries& entries);

}  // namespace carrel::slices
