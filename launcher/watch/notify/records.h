#pragma once
// The sensor's records (launcher/watch/sensor/wire.h) made outside the kernel, each framed as on a
// ring so that sensor::Reader takes them. Pure.

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace carrel::notify {

/// Who did it, when, and with which errno (positive; 0: it will succeed, as far as can be known).
struct Stamp {
  uint32_t tgid = 0;
  uint32_t tid = 0;
  uint64_t start_ns = 0;
  uint64_t time_ns = 0;
  int32_t error = 0;
};

/// A path as the workspace's root shows it. Not known: the base was not there, `text` is as given.
struct PathName {
  std::string text;
  bool known = true;
  bool empty = false;          // of an empty name, which leads nowhere; `text` is its base
  bool by_descriptor = false;  // what a descriptor leads to, whatever has that name now
};

/// The file behind a path; zeros where nothing was found.
struct FileId {
  uint64_t inode = 0;
  dev_t device = 0;
};

/// `argv` NUL-separated, at most CARREL_ARGV_MAX of it are kept; `argv_bytes` how much it was.
std::string exec_record(const Stamp& stamp, const PathName& path, std::string_view argv,
                        uint64_t argv_bytes, const FileId& file);
std::string open_record(const Stamp& stamp, const PathName& path, uint32_t flags, bool created,
                        const FileId& file);
/// CARREL_EXEC_FAILED, CARREL_UNLINK, CARREL_ENTER, CARREL_MAKE of one name.
std::string name_record(uint16_t type, const Stamp& stamp, uint32_t call, const PathName& path);
/// CARREL_RENAME, and CARREL_MAKE of a link: the symbolic one's target is as given, not known.
std::string names_record(uint16_t type, const Stamp& stamp, uint32_t call, const PathName& first,
                         const PathName& second);
/// `address` as connect(2) was given it, but that a path in it is absolute. `channel`: of the ssh
/// connection whose server it was, 0 for the workspace's own processes.
std::string connect_record(const Stamp& stamp, std::string_view address, uint32_t channel = 0);
/// The process is about to connect the socket with this cookie.
std::string flow_record(const Stamp& stamp, uint64_t cookie);
std::string refused_record(const Stamp& stamp, uint32_t call, const std::array<uint64_t, 6>& args);
/// `stamp` is the parent's.
std::string fork_record(const Stamp& stamp, uint32_t child_tgid, uint64_t child_start_ns);

/// The type of a framed record, for counting.
uint16_t type_of(std::string_view framed);

}  // namespace carrel::notify
