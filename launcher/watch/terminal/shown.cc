#include "launcher/watch/terminal/shown.h"

#include <algorithm>

namespace carrel::terminal {
namespace {

constexpr char kEsc = '\x1b';
constexpr char kBell = '\a';

bool is_alternate_screen(std::string_view mode) {
  return mode == "47" || mode == "1047" || mode == "1049";
}

}  // namespace

/// All that comes before the next escape sequence.
size_t Shown::text(std::string_view bytes) {
  const size_t count = std::min(bytes.find(kEsc), bytes.size());
  if (count > 0) line_open_ = bytes[count - 1] != '\n';
  return count;
}

/// What follows ESC, ECMA-48: `[` begins a control sequence; `]`, `P`, `X`, `^` and `_` begin a
/// string; an intermediate byte has one more behind it, which is a letter.
void Shown::escape(char byte) {
  state_ = State::kText;
  if (byte == '[') {
    state_ = State::kControl;
    parameters_.clear();
  } else if (std::string_view("]PX^_").find(byte) != std::string_view::npos) {
    state_ = State::kString;
  } else if (byte == kEsc || (byte >= 0x20 && byte <= 0x2F)) {
    state_ = State::kEscape;
  } else if (byte == 'c') {  // full reset
    full_screen_ = false;
    line_open_ = false;
  }
}

void Shown::control(char byte) {
  if (byte == kEsc) {
    state_ = State::kEscape;
  } else if (byte >= 0x40 && byte <= 0x7E) {
    state_ = State::kText;
    if (byte == 'h' || byte == 'l') set_mode(byte == 'h');
  } else if (parameters_.size() < kMostParameters) {
    parameters_ += byte;
  }
}

void Shown::set_mode(bool on) {
  if (!parameters_.starts_with('?')) return;
  std::string_view rest = std::string_view(parameters_).substr(1);
  while (true) {
    const size_t end = std::min(rest.find(';'), rest.size());
    if (is_alternate_screen(rest.substr(0, end))) {
      if (on && !full_screen_) line_open_below_ = line_open_;
      if (!on && full_screen_) line_open_ = line_open_below_;
      full_screen_ = on;
    }
    if (end == rest.size()) return;
    rest.remove_prefix(end + 1);
  }
}

void Shown::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    if (state_ == State::kText) bytes.remove_prefix(text(bytes));
    if (bytes.empty()) return;
    const char byte = bytes.front();
    bytes.remove_prefix(1);
    switch (state_) {
      case State::kText:
        state_ = State::kEscape;
        break;
      case State::kEscape:
        escape(byte);
        break;
      case State::kControl:
        control(byte);
        break;
      case State::kString:
        if (byte == kBell) state_ = State::kText;
        if (byte == kEsc) state_ = State::kStringEscape;
        break;
      case State::kStringEscape:
        state_ = byte == kEsc ? State::kStringEscape : State::kText;
        if (byte != '\\' && byte != kEsc) escape(byte);  // the string was cut off
        break;
    }
  }
}

}  // namespace carrel::terminal
