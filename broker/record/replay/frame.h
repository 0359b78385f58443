#pragma once
// A recorded screen on the reviewer's own terminal: cells compared with what is shown already, the
// difference written with a closed set of sequences of our own (cursor position, colours and
// attributes, text). Nothing recorded passes through.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "broker/record/screen/screen.h"

namespace carrel::replay {

/// Which part of a recorded screen the reviewer's terminal has room for.
struct Layout {
  uint32_t first_row = 0;  // rows above are out of sight: the view follows the cursor
  uint32_t rows = 0;
  uint32_t columns = 0;
  bool clipped = false;
  bool status = false;  // the last line of the terminal is the status line
  bool operator==(const Layout&) const = default;
};

/// The status line takes a row where one is free, or where the picture is clipped anyway.
Layout layout_for(const screen::Snapshot& recorded, screen::Size viewport);

class Frames {
 public:
  explicit Frames(screen::Size viewport) : viewport_(viewport) {}

  /// Alternate screen, cleared, no automatic wrap; and back.
  static std::string_view enter();
  static std::string_view leave();

  /// The bytes that turn what was drawn last into this. `status` is printed where there is room for
  /// it; control characters in it are replaced.
  std::string draw(const screen::Snapshot& recorded, std::string_view status);
  /// The reviewer's terminal has changed: everything is drawn anew.
  void resize(screen::Size viewport);
  [[nodiscard]] screen::Size viewport() const { return viewport_; }

 private:
  screen::Size viewport_;
  std::vector<screen::Cell> drawn_;  // row by row; empty: nothing is known of the terminal
};

}  // namespace carrel::replay
