#include "broker/wire/manifest/pieces.h"

#include <unistd.h>

#include <cerrno>

namespace carrel::manifest {

Result<size_t> read_at(int fd, size_t offset, char* into, size_t bytes) {
  size_t got = 0;
  while (got < bytes) {
    const ssize_t n = pread(fd, into + got, bytes - got, static_cast<off_t>(offset + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_error("read the manifest");
    if (n == 0) break;
    got += static_cast<size_t>(n);
  }
  return got;
}

}  // namespace carrel::manifest
