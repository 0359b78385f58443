#pragma once
// A read-only entry as git's pattern files spell it. Pure.

#include <string>

#include "broker/wire/manifest/manifest.h"
#include "profiles/base/result.h"

namespace carrel::slices {

/// A read-only entry as a gitignore pattern that matches it and nothing else: "/a/b/" for a folder,
/// "/a/b" for a file. An Error for a name with a line end: the format has no spelling for one.
Result<std::string> entry_pattern(const manifest::ReadOnlyEntry& entry);

}  // namespace carrel::slices
