#pragma once
// The two pattern files of the slice's repository that let git live with read-only entries. Pure.

#include <string>
#include <vector>

#include "broker/wire/manifest/manifest.h"
#include "profiles/base/result.h"

namespace carrel::slices {

/// A read-only entry as a gitignore pattern that matches it and nothing else: "/a/b/" for a folder,
/// "/a/b" for a file. An Error for a name with a line end: the format has no spelling for one.
Result<std::string> entry_pattern(const manifest::ReadOnlyEntry& entry);

/// info/sparse-checkout: everything but the entries.
Result<std::string> sparse_patterns(const std::vector<manifest::ReadOnlyEntry>& entries);

/// info/exclude: the entries, which are untracked on a branch that does not have them.
Result<std::string> exclude_patterns(const std::vector<manifest::ReadOnlyEntry>& entries);

}  // namespace carrel::slices
