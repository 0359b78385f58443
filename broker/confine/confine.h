#pragma once
// What one of our own programs gives up for good before it reads a byte from anyone. A program that
// has confined itself can still be taken over, but the taker inherits only what is listed here.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "profiles/base/result.h"

namespace carrel::confine {

/// What may still be done beneath one directory or to one file (landlock(7)).
enum class PathRights {
  kRead,       // open for reading, list
  kReadWrite,  // kRead, and create, write, truncate, rename, remove files and directories
};

/// A subtree that stays reachable by path. `fd` is borrowed (O_PATH is enough).
struct PathRule {
  int fd = -1;
  PathRights rights = PathRights::kRead;
};

struct Ids {
  uid_t uid = 0;
  gid_t gid = 0;
};

/// The list of what is given up. Fields are applied in the order in which they stand here.
struct Confinement {
  /// chroot(2) into this directory (borrowed). Needs CAP_SYS_CHROOT. Other directory descriptors
  /// that the program keeps still lead out of it. -1: keep the root.
  int root_fd = -1;
  /// Become this user and group, with no supplementary groups. Needs CAP_SETUID and CAP_SETGID.
  std::optional<Ids> ids;
  /// Bits (1 << CAP_*) of capabilities that stay, permitted and effective; 0: none. Not together
  /// with `ids`, which takes them away.
  uint64_t keep_capabilities = 0;
  /// Paths that can still be opened, everything else being refused with EACCES; an empty list means
  /// no path at all. TCP bind and connect, abstract unix sockets and signals to processes outside
  /// are refused with it where the kernel knows how (ABI 4 and 6). Nothing: no Landlock.
  /// Fails with ENOSYS or EOPNOTSUPP where landlock_abi() is 0.
  std::optional<std::vector<PathRule>> landlock;
  /// TCP connections to elsewhere stay possible under Landlock; binding a port does not.
  bool tcp_connect = false;
  /// With `tcp_connect`: to these ports alone; empty: to any.
  std::vector<uint16_t> tcp_ports;
  /// The only system calls left, by name; all others answer EPERM, and a call of a foreign
  /// architecture kills the process. mmap and mprotect never give executable memory. A name that
  /// this architecture does not have is ignored. "socket.internet" is socket(2) of AF_INET and
  /// AF_INET6 alone. Empty: no filter.
  std::vector<std::string> syscalls;
};

/// Gives up everything the list says, and always: capabilities (bounding and ambient included; but
/// for `keep_capabilities`), gaining any by exec (no_new_privs), core dumps and being traced
/// (non-dumpable). All or nothing for the caller: on an Error the process is half confined and must
/// exit.
///
/// Call it while the process has one thread (EBUSY otherwise): capabilities, no_new_privs and
/// Landlock belong to a thread and are inherited by threads made later; prctl(2), capabilities(7).
/// A process without CAP_SETPCAP keeps its bounding set, from which nothing can be gained.
Status confine_self(const Confinement& confinement);

/// The calls without which no C++ program of ours runs: memory, time, signals, reading, writing and
/// polling of descriptors that are already open, exit. No opening, no sockets made, no processes.
std::vector<std::string> common_syscalls();

/// Landlock's version on this kernel; 0 where there is none.
int landlock_abi();

}  // namespace carrel::confine
