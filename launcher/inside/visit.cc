#include "launcher/inside/visit.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "profiles/base/unique_fd.h"

namespace carrel::inside {

Result<Answer> ask(const std::string& socket_path, const Question& question, int timeout_ms) {
  const UniqueFd socket_fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!socket_fd.valid()) return errno_error("socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof address.sun_path) return Error{"socket path", ENAMETOOLONG};
  memcpy(static_cast<char*>(address.sun_path), socket_path.data(), socket_path.size());
  // A full queue makes connect(2) wait as long as a send may.
  const timeval most{timeout_ms / 1000, timeout_ms % 1000 * 1000};
  if (setsockopt(socket_fd.get(), SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most) != 0) {
    return errno_error("set a time limit");
  }
  if (connect(socket_fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return errno_error("connect to " + socket_path);
  }
  const std::string packet = to_packet(question);
  if (send(socket_fd.get(), packet.data(), packet.size(), MSG_NOSIGNAL) < 0) {
    return errno_error("ask");
  }
  pollfd wait{socket_fd.get(), POLLIN, 0};
  const int ready = poll(&wait, 1, timeout_ms);
  if (ready == 0) return Error{"no answer came", ETIMEDOUT};
  std::vector<char> bytes(kMaxPacket + 1);
  const ssize_t got = recv(socket_fd.get(), bytes.data(), bytes.size(), 0);
  if (got < 0) return errno_error("hear the answer");
  if (got == 0) return Error{"the question was not answered", EPIPE};
  return parse_answer({bytes.data(), static_cast<size_t>(got)});
}

}  // namespace carrel::inside
