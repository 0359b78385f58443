#include "launcher/watch/terminal/raw_mode.h"

#include <sys/ioctl.h>

#include <utility>

namespace carrel::terminal {

WindowSize window_size(int tty_fd) {
  winsize size{};
  if (ioctl(tty_fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return WindowSize{size.ws_col, size.ws_row};
}

Result<RawMode> RawMode::enter(int tty_fd) {
  termios saved{};
  if (tcgetattr(tty_fd, &saved) != 0) return errno_error("read the terminal's settings");
  termios raw = saved;
  cfmakeraw(&raw);
  if (tcsetattr(tty_fd, TCSADRAIN, &raw) != 0) return errno_error("set the terminal to raw mode");
  return RawMode(tty_fd, saved);
}

RawMode::RawMode(RawMode&& other) noexcept
    : tty_fd_(std::exchange(other.tty_fd_, -1)), saved_(other.saved_) {}

void RawMode::restore() {
  if (tty_fd_ >= 0) tcsetattr(tty_fd_, TCSADRAIN, &saved_);
  tty_fd_ = -1;
}

}  // namespace carrel::terminal
