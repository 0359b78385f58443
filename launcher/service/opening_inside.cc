// The socket at which the contractor's programs ask, and the session answers (launcher/inside).

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <string_view>

#include "launcher/box/kernel/mount_api.h"
#include "launcher/inside/message.h"
#include "launcher/service/opener.h"

namespace carrel::service {

namespace {

/// Enough for one folder and one socket.
constexpr uint64_t kBytes = 4096;
constexpr uint64_t kInodes = 2;
constexpr int kWaiting = 8;

}  // namespace

/// A detached tmpfs of the session's own with a listening socket in it. The way to the socket leads
/// through /proc/self/fd: a socket has no other name than a path (unix(7)).
Status Opener::make_inside() {
  const uint32_t recorder = plan_.uids.recorder_host();
  ASSIGN_OR_RETURN(inside_, kernel::new_tmpfs({recorder, recorder, 0755, kBytes, kInodes}));
  inside_listener_.reset(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!inside_listener_.valid()) return errno_error("socket for questions from inside");
  constexpr std::string_view kInside = inside::kSocketPath;
  const std::string path = "/proc/self/fd/" + std::to_string(inside_.get()) +
                           std::string(kInside.substr(kInside.rfind('/')));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  memcpy(static_cast<char*>(address.sun_path), path.data(), path.size());
  if (bind(inside_listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
          0 ||
      chmod(path.c_str(), 0666) != 0 || listen(inside_listener_.get(), kWaiting) != 0) {
    return errno_error("make the socket for questions from inside");
  }
  return Done{};
}

}  // namespace carrel::service
