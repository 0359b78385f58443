#include "launcher/service/service_manager.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "profiles/base/text.h"

namespace carrel::service {

std::string take_manager_address() {
  const char* value = getenv("NOTIFY_SOCKET");  // NOLINT(concurrency-mt-unsafe): one thread
  std::string address = value == nullptr ? "" : value;
  unsetenv("NOTIFY_SOCKET");  // NOLINT(concurrency-mt-unsafe): one thread
  return address;
}

Status tell_manager(const std::string& address, std::string_view text) {
  if (address.empty()) return Done{};
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  const bool known = address[0] == '/' || address[0] == '@';
  if (!known || address.size() >= sizeof to.sun_path) {
    return Error{"NOTIFY_SOCKET " + quoted(address.substr(0, 200)) + " is no socket's address",
                 EINVAL};
  }
  memcpy(to.sun_path, address.data(), address.size());
  if (address[0] == '@') to.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size());
  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return errno_error("socket");
  const ssize_t sent = sendto(socket.get(), text.data(), text.size(), MSG_NOSIGNAL,
                              reinterpret_cast<const sockaddr*>(&to), size);
  if (sent != static_cast<ssize_t>(text.size())) {
    return errno_error("tell the service manager at " + quoted(address));
  }
  return Done{};
}

Result<UniqueFd> open_unit_credentials() {
  const char* path = getenv("CREDENTIALS_DIRECTORY");  // NOLINT(concurrency-mt-unsafe): one thread
  if (path == nullptr || *path == '\0') return UniqueFd();
  UniqueFd folder(open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.valid()) return errno_error("open CREDENTIALS_DIRECTORY " + quoted(path));
  return folder;
}

}  // namespace carrel::service
