#pragma once
// The files that a profile extends, read from disk with the caller's rights.

#include <string>

#include "profiles/parse/resolve.h"

namespace carrel::sources {

/// A lookup for parse::resolve(). "./NAME.toml" is taken from the folder of `profile_path`,
/// "base/x" is LIBRARY/base/x.toml; both beneath their folder, over no symbolic link (openat2 with
/// RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS, openat2(2)), regular files of at most
/// parse::kMaxSourceBytes. Errors say which file, with errno.
parse::Lookup disk_lookup(std::string profile_path, std::string library);

/// The folder of the library: $CARREL_LIBRARY where that is set to an absolute path, else `library`
/// beside the programs in `programs`. It need not be there: a profile that extends nothing of it
/// does not notice.
std::string library_folder(const std::string& programs);

/// The whole of a regular file of at most parse::kMaxSourceBytes, opened without waiting for a
/// FIFO's writer.
Result<std::string> read_source(const std::string& path);

}  // namespace carrel::sources
