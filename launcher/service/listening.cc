#include "launcher/service/listening.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace carrel::service {

/// The way to the socket leads through /proc/self/fd.
Result<UniqueFd> listen_in(int folder_fd, const SocketFile& file, int type, int waiting) {
  UniqueFd listener(socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener.valid()) return errno_error("socket " + file.name);
  const std::string path = "/proc/self/fd/" + std::to_string(folder_fd) + "/" + file.name;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return Error{"socket " + file.name, ENAMETOOLONG};
  memcpy(static_cast<char*>(address.sun_path), path.data(), path.size());
  if (bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      chown(path.c_str(), file.owner, file.owner) != 0 || chmod(path.c_str(), file.mode) != 0 ||
      listen(listener.get(), waiting) != 0) {
    return errno_error("make the socket " + file.name);
  }
  return listener;
}

}  // namespace carrel::service
