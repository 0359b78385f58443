#pragma once
// A path as a system call was given it, made absolute and plain.

#include <string>
#include <string_view>

namespace carrel::decide {

/// The absolute path of `path` seen from the absolute folder `cwd`: "." and empty components
/// dropped,
/// ".." resolved by name alone (a symbolic link before it is not followed: the name is as given),
/// no trailing slash. An empty path gives the folder itself. Bytes need not be UTF-8. Pure.
std::string normalise_path(std::string_view cwd, std::string_view path);

}  // namespace carrel::decide
