#pragma once
// Files beneath a directory descriptor, never through a symlink, with what was tried in the error.

#include <functional>
#include <string>
#include <string_view>

#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::store {

/// Writes all bytes at the file's position; ENOSPC and EDQUOT come back as the store being full.
Status write_all(int fd, std::string_view bytes, const std::string& what);
/// fdatasync(2).
Status sync_data(int fd, const std::string& what);
/// Makes the folder when it is missing, sets its mode and opens it.
Result<UniqueFd> make_folder(int dir_fd, const std::string& name, unsigned mode);
/// A new file that must not be there yet, for appending.
Result<UniqueFd> create_file(int dir_fd, const std::string& name, unsigned mode);
/// The whole file; ENOENT when missing, an Error above `limit` bytes.
Result<std::string> read_file(int dir_fd, const std::string& name, size_t limit);
/// Replaces or makes the file: written beside, synced, renamed over it, directory synced.
Status replace_file(int dir_fd, const std::string& name, std::string_view bytes, unsigned mode);
/// Calls `visit` with every name but "." and "..".
Status list_folder(int dir_fd, const std::function<void(const std::string&)>& visit);

}  // namespace carrel::store
