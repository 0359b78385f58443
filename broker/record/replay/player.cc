#include "broker/record/replay/player.h"

#include <algorithm>
#include <cstdio>

namespace carrel::replay {
namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kFrame = 33 * kMs;  // no more than 30 pictures a second
constexpr uint64_t kWorthDrawing = 10 * kMs;
constexpr uint64_t kTick = 1000 * kMs;  // the status line's clock

/// A pipe has no terminal that would return the carriage.
std::string with_returns(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

std::string size_text(screen::Size size) {
  return std::to_string(size.columns) + "x" + std::to_string(size.rows);
}

}  // namespace

Player::Player(const Pace& pace, std::string title, Stage stage)
    : pace_(pace),
      title_(std::move(title)),
      stage_(std::move(stage)),
      frames_(stage_.size()),
      drawn_at_ns_(stage_.now_ns()) {}

bool Player::show(const Step& step) {
  if (!wait_until_due(step.at_ns)) return false;
  apply(step);
  shown_ns_ = std::max(shown_ns_, step.at_ns);
  dirty_ = true;
  return true;
}

/// Waits in slices, so that keys and the clock of the status line are served meanwhile.
bool Player::wait_until_due(uint64_t at_ns) {
  uint64_t remaining = due_in(pace_, shown_ns_, at_ns);
  if (remaining == 0 && !paused_)
    return obey(stage_.wait(0)) && (!paused_ || wait_until_due(at_ns));
  while (paused_ || to_real(remaining, pace_.speed) > 0) {
    const uint64_t before = stage_.now_ns();
    const uint64_t real = paused_ ? kTick : std::min(to_real(remaining, pace_.speed), kTick);
    if (real >= kWorthDrawing || before - drawn_at_ns_ >= kFrame) draw(at_ns - remaining);
    const double speed = pace_.speed;
    const bool was_paused = paused_;
    if (!obey(stage_.wait(real))) return false;
    const uint64_t passed = to_session(stage_.now_ns() - before, speed);
    if (!was_paused) remaining -= std::min(remaining, passed);
  }
  return true;
}

bool Player::obey(Key key) {
  switch (key) {
    case Key::kNone:
      return !gone_;
    case Key::kQuit:
      return false;
    case Key::kPause:
      paused_ = !paused_;
      break;
    case Key::kFaster:
      pace_.speed = faster(pace_.speed);
      break;
    case Key::kSlower:
      pace_.speed = slower(pace_.speed);
      break;
    case Key::kRedraw:
      frames_.resize(stage_.size());
      break;
  }
  drawn_at_ns_ = 0;
  return !gone_;
}

void Player::apply(const Step& step) {
  if (step.kind == StepKind::kResize) {
    if (screen_)
      screen_->resize(step.size);
    else
      screen_.emplace(step.size);
    return;
  }
  const bool pipe = step.stream != "pty";
  if (!screen_) {
    const screen::Size room = frames_.viewport();
    screen_.emplace(pipe ? screen::Size{room.columns, std::max(room.rows, 2U) - 1}
                         : screen::Size{});
  }
  screen_->feed(pipe ? with_returns(step.bytes) : step.bytes);
}

void Player::draw(uint64_t position_ns) {
  drawn_at_ns_ = stage_.now_ns();
  dirty_ = false;
  const screen::Snapshot now =
      screen_ ? screen_->snapshot() : screen::Screen(screen::Size{}).snapshot();
  const Layout layout = layout_for(now, frames_.viewport());
  if (!stage_.write(frames_.draw(now, status(position_ns, layout)))) gone_ = true;
}

std::string Player::status(uint64_t position_ns, const Layout& layout) const {
  char speed[32];
  snprintf(speed, sizeof speed, "%gx", pace_.speed);
  std::string out = " " + title_ + "  " + clock_text(position_ns) + "  " + speed;
  if (paused_) out += "  paused";
  if (layout.clipped && screen_) {
    out +=
        "  clipped: " + size_text(screen_->size()) + " shown in " + size_text(frames_.viewport());
  }
  return out + "  q quit, space pause, +/- speed";
}

void Player::finish() {
  if (dirty_) draw(shown_ns_);
}

}  // namespace carrel::replay
