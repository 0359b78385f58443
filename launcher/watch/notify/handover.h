#pragma once
// How a listener comes to carrel-notify: a message of a fixed size with one descriptor, over a
// socket that keeps messages apart (SOCK_SEQPACKET).

#include <cstddef>
#include <optional>
#include <string>

#include "profiles/base/unique_fd.h"

namespace carrel::notify {

struct Handover {
  std::string bytes;
  UniqueFd fd;
};

/// The next message: exactly `size` bytes, exactly one descriptor. Nothing where the other side has
/// closed or sent anything else, whose descriptors are closed.
std::optional<Handover> receive_handover(int socket_fd, size_t size);

}  // namespace carrel::notify
