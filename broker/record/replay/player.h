#pragma once
// Plays a record's terminal in its own time. Knows no terminal and no clock: both are the stage,
// which programs and tests bring.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "broker/record/replay/frame.h"
#include "broker/record/replay/pace.h"
#include "broker/record/replay/timeline.h"
#include "broker/record/screen/screen.h"

namespace carrel::replay {

/// What the reviewer wants; kRedraw: their terminal has another size now.
enum class Key { kNone, kQuit, kPause, kFaster, kSlower, kRedraw };

struct Stage {
  std::function<uint64_t()> now_ns;             // a clock that never goes back
  std::function<Key(uint64_t real_ns)> wait;    // at most so long; 0 only looks
  std::function<bool(std::string_view)> write;  // false: the terminal is gone
  std::function<screen::Size()> size;
};

class Player {
 public:
  /// `title` stands first in the status line.
  Player(const Pace& pace, std::string title, Stage stage);

  /// Waits until the step is due, then applies it. False when the reviewer has quit.
  bool show(const Step& step);
  /// Draws what was not drawn yet.
  void finish();

  /// The recorded screen as it stands, nothing before the first step.
  [[nodiscard]] const std::optional<screen::Screen>& screen() const { return screen_; }
  [[nodiscard]] uint64_t shown_ns() const { return shown_ns_; }

 private:
  bool wait_until_due(uint64_t at_ns);
  bool obey(Key key);
  void apply(const Step& step);
  void draw(uint64_t position_ns);
  [[nodiscard]] std::string status(uint64_t position_ns, const Layout& layout) const;

  Pace pace_;
  std::string title_;
  Stage stage_;
  Frames frames_;
  std::optional<screen::Screen> screen_;
  uint64_t shown_ns_ = 0;
  uint64_t drawn_at_ns_ = 0;  // of the stage's clock
  bool dirty_ = true;
  bool paused_ = false;
  bool gone_ = false;
};

}  // namespace carrel::replay
