#pragma once
// Listening sockets in folders that become a jail's: a socket has no other name than a path
// (unix(7)), and these have none in the host's tree.

#include <sys/types.h>

#include <string>

#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::service {

/// Who may connect: `mode` of the socket's file, and whose it is.
struct SocketFile {
  std::string name;
  uid_t owner = 0;
  mode_t mode = 0600;
};

/// A listening, non-blocking socket of `type` (SOCK_STREAM, SOCK_SEQPACKET), close-on-exec, bound
/// in `folder_fd`, the root of a detached tmpfs of the launcher's. `waiting`: the backlog.
Result<UniqueFd> listen_in(int folder_fd, const SocketFile& file, int type, int waiting);

}  // namespace carrel::service
