#pragma once
// What a terminal shows, as far as whoever adds a line of their own has to know. Pure.

#include <cstdint>
#include <string>
#include <string_view>

namespace carrel::terminal {

/// Follows the bytes that a terminal is sent, cut anywhere. Cursor movements are not followed: a
/// line counts as open from its first character to its line feed.
class Shown {
 public:
  void feed(std::string_view bytes);
  /// Somebody else has written whole lines.
  void end_line() { line_open_ = false; }
  /// Something stands on the line that is being written.
  [[nodiscard]] bool line_open() const { return line_open_ && !full_screen_; }
  /// A program has taken the whole screen and gives it back later: the alternate screen of xterm's
  /// "ctlseqs", modes 47, 1047 and 1049.
  [[nodiscard]] bool full_screen() const { return full_screen_; }

 private:
  enum class State : uint8_t { kText, kEscape, kControl, kString, kStringEscape };
  static constexpr size_t kMostParameters = 64;
  size_t text(std::string_view bytes);
  void control(char byte);
  void escape(char byte);
  void set_mode(bool on);
  State state_ = State::kText;
  std::string parameters_;
  bool line_open_ = false;
  bool full_screen_ = false;
  bool line_open_below_ = false;  // of the screen that comes back
};

}  // namespace carrel::terminal
