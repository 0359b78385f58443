#include "launcher/cli/token/http_serve.h"

#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string_view>

#include "launcher/cli/token/http_request.h"
#include "profiles/base/text.h"

namespace carrel::token {
namespace {

// Of a client that was refused in the midst of its request: what it still sends is read, or it
// would see a reset in the place of the answer.
constexpr int kDrainMs = 1000;
constexpr size_t kDrainBytes = size_t{1} << 20;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

int64_t now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

class Deadline {
 public:
  explicit Deadline(int patience_ms) : end_ms_(now_ms() + patience_ms) {}
  [[nodiscard]] int left_ms() const {
    return static_cast<int>(std::max<int64_t>(0, end_ms_ - now_ms()));
  }

 private:
  int64_t end_ms_;
};

bool waits_for(int fd, short what, const Deadline& deadline) {
  while (true) {
    pollfd wait{fd, what, 0};
    const int count = poll(&wait, 1, deadline.left_ms());
    if (count > 0) return true;
    if (count == 0 || errno != EINTR) return false;
  }
}

/// Bytes as they come; "" at their end or where reading fails. ETIMEDOUT after the deadline.
Result<std::string_view> read_some(int fd, const Deadline& deadline, std::array<char, 8192>& room) {
  if (!waits_for(fd, POLLIN, deadline)) return Error{"read", ETIMEDOUT};
  const ssize_t got = read(fd, room.data(), room.size());
  return std::string_view(room.data(), got > 0 ? static_cast<size_t>(got) : 0);
}

bool write_all(int fd, std::string_view bytes, const Deadline& deadline) {
  while (!bytes.empty()) {
    if (!waits_for(fd, POLLOUT, deadline)) return false;
    const ssize_t put = write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return true;
}

/// The reason to refuse what has come, or nothing and a token in `request`.
std::optional<Refused> read_request(int in, int out, const Deadline& deadline,
                                    HttpRequest& request) {
  std::array<char, 8192> room{};
  bool more = true;
  while (more) {
    const auto bytes = read_some(in, deadline, room);
    if (!bytes.ok()) return Refused::kLate;
    if (bytes.value().empty()) {
      request.end();
      break;
    }
    more = request.take(bytes.value());
    if (more && request.take_waits() && !write_all(out, kContinue, deadline)) break;
  }
  return request.refused();
}

void drain(int in, int out) {
  (void)shutdown(out, SHUT_WR);
  const Deadline deadline(kDrainMs);
  std::array<char, 8192> room{};
  for (size_t read = 0; read < kDrainBytes;) {
    const auto bytes = read_some(in, deadline, room);
    if (!bytes.ok() || bytes.value().empty()) return;
    read += bytes.value().size();
  }
}

}  // namespace

bool serve_http(int in, int out, std::FILE* err, const Ask& ask, int patience_ms) {
  const Deadline deadline(patience_ms);
  HttpRequest request;
  if (const auto refused = read_request(in, out, deadline, request)) {
    // The answer to a request that came too late has a moment of its own.
    const bool sent = write_all(out, http_refusal(*refused, request.is_head()), Deadline(kDrainMs));
    drain(in, out);
    return sent;
  }
  const auto json = ask(request.token(), deadline.left_ms());
  if (json.ok()) return write_all(out, http_answer(json.value()), Deadline(kDrainMs));
  std::fprintf(err, "carrel token: %s\n", to_string(json.error()).c_str());
  (void)write_all(out, http_refusal(Refused::kNobody), Deadline(kDrainMs));
  return false;
}

}  // namespace carrel::token
