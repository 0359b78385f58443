#include "launcher/watch/session/terminal_port.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "launcher/watch/session/clock.h"

namespace carrel::session {
namespace {

/// Between two looks at a pty whose other side nobody holds open: a program may open it again.
constexpr uint64_t kPtyPauseNs = 50 * kNsPerMs;

Status make_non_blocking(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
    return errno_error("make the command's input and output non-blocking");
  }
  return Done{};
}

}  // namespace

Status TerminalPort::use_pipes(UniqueFd stdin_fd, UniqueFd stdout_fd, UniqueFd stderr_fd) {
  for (const int fd : {stdin_fd.get(), stdout_fd.get(), stderr_fd.get()})
    RETURN_IF_ERROR(make_non_blocking(fd));
  stdin_ = std::move(stdin_fd);
  input_fd_ = stdin_.get();
  outputs_.push_back({std::move(stdout_fd), "stdout", false, 0});
  outputs_.push_back({std::move(stderr_fd), "stderr", true, 0});
  return Done{};
}

Status TerminalPort::use_pty(UniqueFd master) {
  if (!outputs_.empty()) return Error{"carrel-init sent a second terminal", EPROTO};
  winsize size{};
  if (ioctl(master.get(), TIOCGWINSZ, &size) != 0) return errno_error("look at the pty");
  RETURN_IF_ERROR(make_non_blocking(master.get()));
  master_fd_ = input_fd_ = master.get();
  outputs_.push_back({std::move(master), "pty", false, 0});
  return Done{};
}

std::optional<std::string> TerminalPort::read(Output& output, uint64_t now_ns) {
  if (!output.fd.valid()) return std::nullopt;
  std::string bytes(kChunk, '\0');
  size_t size = 0;
  ssize_t got = 1;
  // A pty gives 4 KiB at a time: one event and one frame hold as many of them as there are.
  while (got > 0 && size < bytes.size()) {
    got = ::read(output.fd.get(), bytes.data() + size, bytes.size() - size);
    if (got > 0) size += static_cast<size_t>(got);
  }
  const int number = got < 0 ? errno : 0;
  if (size > 0) {
    bytes.resize(size);
    return bytes;
  }
  if (number != EINTR) end_output(output, number == EAGAIN, now_ns);
  return std::nullopt;
}

/// Nothing was read: because nothing was there, or because nobody can write any more. For a pty the
/// latter is EIO, and not for good: a program may open the terminal again (pty(7)).
void TerminalPort::end_output(Output& output, bool nothing_there, uint64_t now_ns) {
  const bool pty = output.fd.get() == master_fd_;
  if (pty && !finishing_) {
    if (!nothing_there) output.again_ns = now_ns + kPtyPauseNs;
    return;
  }
  if (nothing_there && !pty) return;
  if (pty) close_input();
  output.fd.reset();
}

bool TerminalPort::ended() const {
  return std::none_of(outputs_.begin(), outputs_.end(),
                      [](const Output& output) { return output.fd.valid(); });
}

void TerminalPort::write(std::string_view bytes) {
  if (input_fd_ < 0 || input_ended_) return;
  if (written_ > kMaxInput) {
    waiting_.erase(0, written_);
    written_ = 0;
  }
  waiting_ += bytes;
  flush();
}

void TerminalPort::end_input() {
  if (!stdin_.valid()) return;
  input_ended_ = true;
  flush();
}

void TerminalPort::flush() {
  while (wants_write()) {
    const ssize_t taken = ::write(input_fd_, waiting_.data() + written_, waiting_bytes());
    if (taken < 0 && errno == EINTR) continue;
    if (taken < 0 && errno == EAGAIN) return;
    if (taken < 0) return close_input();
    written_ += static_cast<size_t>(taken);
  }
  waiting_.clear();
  written_ = 0;
  if (input_ended_) close_input();
}

void TerminalPort::close_input() {
  input_fd_ = -1;
  waiting_.clear();
  written_ = 0;
  stdin_.reset();
}

Status TerminalPort::resize(uint32_t columns, uint32_t rows) const {
  if (master_fd_ < 0 || outputs_.empty() || !outputs_.front().fd.valid()) return Done{};
  winsize size{};
  size.ws_col = static_cast<unsigned short>(columns);
  size.ws_row = static_cast<unsigned short>(rows);
  if (ioctl(master_fd_, TIOCSWINSZ, &size) != 0) return errno_error("set the terminal's size");
  return Done{};
}

}  // namespace carrel::session
