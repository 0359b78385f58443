#pragma once
// Which socket of the workspace a connection is of, as the sensor knows it too: by its cookie
// (sock_diag(7), SO_COOKIE of socket(7)).

#include <netinet/in.h>

#include <cstdint>

#include "profiles/base/unique_fd.h"

namespace carrel::gateway {

class SocketCookies {
 public:
  /// `diag` was made in the workspace's network namespace.
  explicit SocketCookies(UniqueFd diag) : diag_(std::move(diag)) {}
  /// Of the TCP socket that is connected from `client` to `destination`, host byte order ports and
  /// network byte order addresses as the kernel gave them. 0: it is gone, or cannot be told.
  [[nodiscard]] uint64_t of(const sockaddr_in& client, const sockaddr_in& destination) const;

 private:
  UniqueFd diag_;
};

}  // namespace carrel::gateway
