#pragma once
// The socket behind a stopped caller's descriptor.

#include <cstdint>

namespace carrel::notify {

/// SO_COOKIE (socket(7)) of the caller's descriptor, where that is a TCP socket of an internet
/// family; 0 where it is not, or cannot be told: the thread has descriptors of its own and the
/// kernel is older than Linux 6.9 without kcmp(2). Another thread may put another socket in its
/// place before the call goes on: that one is then of nobody.
uint64_t cookie_of(uint32_t tgid, uint32_t tid, int fd);

}  // namespace carrel::notify
