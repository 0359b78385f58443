#include "launcher/cli/ssh/relay.h"

#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <string_view>

#include "profiles/base/text.h"

namespace carrel::ssh_cli {
namespace {

constexpr size_t kRoom = size_t{64} << 10;
constexpr size_t kMaxRefusal = 1024;

/// Bytes that were read and not yet written, and whether more can come.
class Passage {
 public:
  [[nodiscard]] bool wants() const { return !ended_ && waiting() < kRoom; }
  [[nodiscard]] size_t room() const { return kRoom - waiting(); }
  [[nodiscard]] size_t waiting() const { return bytes_.size() - start_; }
  [[nodiscard]] std::string_view front() const { return std::string_view(bytes_).substr(start_); }
  [[nodiscard]] bool done() const { return ended_ && waiting() == 0; }

  void add(std::string_view bytes) {
    bytes_.erase(0, start_);
    start_ = 0;
    bytes_ += bytes;
  }
  void drop(size_t count) { start_ += count; }
  void end() { ended_ = true; }
  void abandon() {
    ended_ = true;
    start_ = bytes_.size();
  }

 private:
  std::string bytes_;
  size_t start_ = 0;
  bool ended_ = false;
};

bool is_for_later() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

class Relay {
 public:
  Relay(int in_fd, int out_fd, int stream_fd)
      : in_fd_(in_fd), out_fd_(out_fd), stream_fd_(stream_fd) {}

  Result<uint64_t> run() {
    while (!down_.done() && !out_gone_) {
      std::array<pollfd, 3> fds = wanted();
      if (poll(fds.data(), fds.size(), -1) < 0) {
        if (errno == EINTR) continue;
        return errno_error("poll");
      }
      if (fds[0].revents != 0) read_in();
      if ((fds[1].revents & POLLOUT) != 0) write_stream();
      if ((fds[1].revents & ~POLLOUT) != 0) read_stream();
      if ((fds[2].revents & POLLOUT) != 0) write_out();
      if ((fds[2].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) out_gone_ = true;
      pass_end_on();
    }
    return came_;
  }

 private:
  /// What nothing is wanted of is left out: its end would be reported for ever. Of `out` it is
  /// always wanted to know that nobody reads.
  [[nodiscard]] std::array<pollfd, 3> wanted() const {
    const int both = (down_.wants() ? POLLIN : 0) | (up_.waiting() > 0 ? POLLOUT : 0);
    return {pollfd{up_.wants() ? in_fd_ : -1, POLLIN, 0},
            pollfd{both != 0 ? stream_fd_ : -1, static_cast<short>(both), 0},
            pollfd{out_fd_, static_cast<short>(down_.waiting() > 0 ? POLLOUT : 0), 0}};
  }

  void read_in() {
    std::array<char, kRoom> buffer;
    const ssize_t got = read(in_fd_, buffer.data(), up_.room());
    if (got > 0) up_.add({buffer.data(), static_cast<size_t>(got)});
    if (got == 0 || (got < 0 && !is_for_later())) up_.end();
  }

  void read_stream() {
    if (!down_.wants()) return;
    std::array<char, kRoom> buffer;
    const ssize_t got = recv(stream_fd_, buffer.data(), down_.room(), MSG_DONTWAIT);
    if (got > 0) {
      down_.add({buffer.data(), static_cast<size_t>(got)});
      came_ += static_cast<uint64_t>(got);
    }
    if (got == 0 || (got < 0 && !is_for_later())) down_.end();
  }

  void write_stream() {
    const std::string_view bytes = up_.front();
    const ssize_t sent = send(stream_fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) up_.drop(static_cast<size_t>(sent));
    // It reads no more, but may still have something to say.
    if (sent < 0 && !is_for_later()) up_.abandon();
  }

  /// No more than a pipe takes at once when it can be written to (pipe(7)): this never waits.
  void write_out() {
    const std::string_view bytes = down_.front().substr(0, PIPE_BUF);
    const ssize_t wrote = write(out_fd_, bytes.data(), bytes.size());
    if (wrote > 0) down_.drop(static_cast<size_t>(wrote));
    if (wrote < 0 && !is_for_later()) out_gone_ = true;
  }

  void pass_end_on() {
    if (!up_.done() || end_passed_) return;
    shutdown(stream_fd_, SHUT_WR);
    end_passed_ = true;
  }

  int in_fd_;
  int out_fd_;
  int stream_fd_;
  Passage up_;    // to the session
  Passage down_;  // from it
  uint64_t came_ = 0;
  bool end_passed_ = false;
  bool out_gone_ = false;
};

/// Some of what has come, left where it is. Nothing at the end, or when nobody is left to tell.
std::optional<std::string> peek(int out_fd, int stream_fd) {
  std::array<char, kMaxRefusal> buffer{};
  while (true) {
    std::array<pollfd, 2> fds{pollfd{stream_fd, POLLIN, 0}, pollfd{out_fd, 0, 0}};
    if (poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return std::nullopt;
    if (fds[1].revents != 0) return std::nullopt;
    const ssize_t got = recv(stream_fd, buffer.data(), buffer.size(), MSG_PEEK | MSG_DONTWAIT);
    if (got < 0 && is_for_later()) continue;
    if (got <= 0) return std::nullopt;
    return std::string(buffer.data(), static_cast<size_t>(got));
  }
}

}  // namespace

/// The line is sent whole, by one call.
std::optional<std::string> take_refusal(int out_fd, int stream_fd) {
  constexpr std::string_view kBegin = "carrel: ";
  const std::optional<std::string> first = peek(out_fd, stream_fd);
  if (!first.has_value() || !first->starts_with(kBegin)) return std::nullopt;
  return quoted(first->substr(kBegin.size(), first->find_first_of("\r\n") - kBegin.size()));
}

Result<uint64_t> relay(int in_fd, int out_fd, int stream_fd) {
  return Relay(in_fd, out_fd, stream_fd).run();
}

}  // namespace carrel::ssh_cli
