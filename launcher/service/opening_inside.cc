// The socket at which the contractor's programs ask, and the session answers (launcher/inside).

#include <sys/socket.h>

#include <string_view>

#include "launcher/box/kernel/mount_api.h"
#include "launcher/inside/message.h"
#include "launcher/service/listening.h"
#include "launcher/service/opener.h"

namespace carrel::service {

namespace {

/// Enough for one folder and one socket.
constexpr uint64_t kBytes = 4096;
constexpr uint64_t kInodes = 2;
constexpr int kWaiting = 8;

}  // namespace

/// A detached tmpfs of the session's own with a listening socket in it.
Status Opener::make_inside() {
  const uint32_t recorder = plan_.uids.recorder_host();
  ASSIGN_OR_RETURN(inside_, kernel::new_tmpfs({recorder, recorder, 0755, kBytes, kInodes}));
  constexpr std::string_view kInside = inside::kSocketPath;
  const SocketFile file{std::string(kInside.substr(kInside.rfind('/') + 1)), recorder, 0666};
  ASSIGN_OR_RETURN(inside_listener_, listen_in(inside_.get(), file, SOCK_SEQPACKET, kWaiting));
  return Done{};
}

}  // namespace carrel::service
