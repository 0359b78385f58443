#pragma once
// The caller's own terminal: raw while a session is shown on it, and restored whatever happens.

#include <termios.h>

#include <cstdint>

#include "profiles/base/result.h"

namespace carrel::terminal {

struct WindowSize {
  uint32_t columns = 80;
  uint32_t rows = 24;
  bool operator==(const WindowSize&) const = default;
};

/// The size of the terminal behind `tty_fd` (TIOCGWINSZ, ioctl_tty(2)); 80x24 where it has none.
WindowSize window_size(int tty_fd);

/// Puts a terminal into raw mode (cfmakeraw, termios(3)) and restores the saved settings when it
/// goes. The descriptor is borrowed and must outlive this. One thread.
class RawMode {
 public:
  static Result<RawMode> enter(int tty_fd);
  RawMode(RawMode&& other) noexcept;
  RawMode& operator=(RawMode&&) = delete;
  RawMode(const RawMode&) = delete;
  RawMode& operator=(const RawMode&) = delete;
  ~RawMode() { restore(); }
  /// Restores now; later calls do nothing. Async-signal-safe (tcsetattr is, signal-safety(7)).
  void restore();

 private:
  RawMode(int tty_fd, const termios& saved) : tty_fd_(tty_fd), saved_(saved) {}
  int tty_fd_ = -1;
  termios saved_{};
};

}  // namespace carrel::terminal
