#pragma once
// Folders that a service opens by a path which was written down long before: nobody but those who
// may can have changed meanwhile where it leads.

#include <sys/types.h>

#include <optional>
#include <string>

#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::service {

/// The folder at this absolute path, as an O_PATH descriptor. ELOOP where any part of the path is a
/// symbolic link; EPERM where a folder above it could be changed by somebody who is neither root
/// nor its owner (of another owner, or writable by group or others and not sticky); with `owner`
/// also where it is not that user's. `..` is taken away as text, which is the same without links.
Result<UniqueFd> open_trusted_folder(const std::string& path, std::optional<uid_t> owner = {});

/// Makes what is missing of `path` (mode 0755) and opens it like open_trusted_folder(), root's, to
/// be listed and written in.
Result<UniqueFd> make_roots_folder(const std::string& path);

/// Where a repository of a task lies: `source` as its profile says it, from the folder of the
/// profile at `profile_path` where it is relative.
std::string task_source(const std::string& source, const std::string& profile_path);

}  // namespace carrel::service
