#pragma once
// A terminal that only listens: recorded bytes in, cells and text out. It answers no query, keeps
// no title and no clipboard; what it was fed can change nothing but its own cells.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace carrel::screen {

constexpr uint32_t kMaxColumns = 1000;
constexpr uint32_t kMaxRows = 500;
/// libvterm reaches past the end of a line that is narrower than a wide character.
constexpr uint32_t kMinColumns = 2;

struct Size {
  uint32_t columns = 80;
  uint32_t rows = 24;
  bool operator==(const Size&) const = default;
};
/// The nearest size that a screen takes.
Size clamped(Size size);

struct Colour {
  enum class Kind : uint8_t { kDefault, kIndexed, kRgb };
  Kind kind = Kind::kDefault;
  uint8_t red = 0;  // the palette's index with kIndexed
  uint8_t green = 0;
  uint8_t blue = 0;
  bool operator==(const Colour&) const = default;
};

struct Style {
  bool bold = false, underline = false, italic = false, blink = false;
  bool reverse = false, strike = false;
  Colour foreground, background;
  bool operator==(const Style&) const = default;
};

struct Cell {
  std::string text;   // UTF-8 of the character with what combines with it; "" where blank
  uint8_t width = 1;  // 2: also takes the next cell; 0: is taken by the cell before
  Style style;
  bool operator==(const Cell&) const = default;
};

struct Cursor {
  uint32_t row = 0, column = 0;
  bool visible = true;
  bool operator==(const Cursor&) const = default;
};

/// All that can be seen, as a value.
struct Snapshot {
  Size size;
  std::vector<Cell> cells;  // row by row
  Cursor cursor;
  bool alternate = false;
  [[nodiscard]] const Cell& at(uint32_t row, uint32_t column) const {
    return cells[size_t{row} * size.columns + column];
  }
  bool operator==(const Snapshot&) const = default;
};

/// Receives each line that leaves the top of the main screen, without trailing blanks.
using ScrolledLine = std::function<void(std::string line)>;

class Screen {
 public:
  /// Sizes outside the bounds are clamped.
  explicit Screen(Size size, ScrolledLine scrolled = nullptr);
  ~Screen();
  Screen(Screen&&) noexcept;
  Screen& operator=(Screen&&) noexcept;

  /// Any bytes, cut anywhere; sequences and characters may span calls.
  void feed(std::string_view bytes);
  void resize(Size size);

  [[nodiscard]] Size size() const;
  [[nodiscard]] Cell cell(uint32_t row, uint32_t column) const;
  [[nodiscard]] Cursor cursor() const;
  /// True while a full-screen program has the alternate screen.
  [[nodiscard]] bool alternate() const;
  /// One row without trailing blanks.
  [[nodiscard]] std::string row_text(uint32_t row) const;
  /// All rows, each with a line feed; deterministic.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] Snapshot snapshot() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace carrel::screen
