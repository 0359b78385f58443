#pragma once
// The closed list of host files and sockets that nobody asks for by accident: a failed attempt on
// one is denied by default:host-files, also where the workspace has no such file at all.

#include <span>
#include <string_view>

namespace carrel::decide {

/// How a row names paths: a path and all below it; names that begin so ("/dev/sd" is sda, sdb1, …);
/// or names that begin and end so, with no slash between.
enum class HostFileMatch { kTree, kPrefix, kPrefixSuffix };

struct HostFile {
  HostFileMatch match = HostFileMatch::kTree;
  std::string_view path;
  std::string_view suffix;
  std::string_view reason;
};

/// The table, for docs and tests.
std::span<const HostFile> host_files();

/// The row that an absolute path falls under, or null. /var/run is /run, and /proc/PID/root is /;
/// homes below /home are other people's but for /home/contractor.
const HostFile* find_host_file(std::string_view path);

}  // namespace carrel::decide
