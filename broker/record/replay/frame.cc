#include "broker/record/replay/frame.h"

#include <algorithm>

#include "broker/record/replay/plain.h"

namespace carrel::replay {
namespace {

using screen::Cell;
using screen::Colour;
using screen::Size;
using screen::Snapshot;
using screen::Style;

void append_colour(std::string* out, const Colour& colour, int base) {
  if (colour.kind == Colour::Kind::kDefault) return;
  if (colour.kind == Colour::Kind::kRgb) {
    *out += ";" + std::to_string(base + 8) + ";2;" + std::to_string(colour.red) + ";" +
            std::to_string(colour.green) + ";" + std::to_string(colour.blue);
  } else if (colour.red < 8) {
    *out += ";" + std::to_string(base + colour.red);
  } else if (colour.red < 16) {
    *out += ";" + std::to_string(base + 60 + colour.red - 8);
  } else {
    *out += ";" + std::to_string(base + 8) + ";5;" + std::to_string(colour.red);
  }
}

std::string style_sequence(const Style& style) {
  std::string out = "\x1b[0";
  if (style.bold) out += ";1";
  if (style.italic) out += ";3";
  if (style.underline) out += ";4";
  if (style.blink) out += ";5";
  if (style.reverse) out += ";7";
  if (style.strike) out += ";9";
  append_colour(&out, style.foreground, 30);
  append_colour(&out, style.background, 40);
  return out + "m";
}

std::string move_sequence(uint32_t row, uint32_t column) {
  return "\x1b[" + std::to_string(row + 1) + ";" + std::to_string(column + 1) + "H";
}

/// True for a cell that takes two places and whose second one is there to be taken. (Where half of
/// a wide character was overwritten libvterm 0.1 calls what is left, or what is new, wide.)
bool is_wide(const Snapshot& recorded, uint32_t row, uint32_t column, uint32_t columns) {
  const Cell& cell = recorded.at(row, column);
  return cell.width == 2 && cell.text.size() > 1 && column + 1 < columns &&
         recorded.at(row, column + 1).width == 0;
}

/// One row of the recording as the viewport can show it: no half of a wide character.
void place_row(const Snapshot& recorded, uint32_t row, uint32_t columns, Cell* to) {
  for (uint32_t column = 0; column < columns; ++column) {
    to[column] = recorded.at(row, column);
    const bool narrow = to[column].width == 1 || to[column].text.size() == 1;
    if (narrow) {
      to[column].width = 1;
    } else if (is_wide(recorded, row, column, columns)) {
      ++column;
      to[column] = recorded.at(row, column);
    } else {
      to[column].width = 1;
      to[column].text.clear();
    }
  }
}

void place_status(std::string_view status, uint32_t columns, Cell* to) {
  for (uint32_t column = 0; column < columns; ++column) {
    const char c = column < status.size() ? status[column] : ' ';
    to[column].text = c >= ' ' && c <= '~' ? std::string(1, c) : "?";
    to[column].style.reverse = true;
  }
}

std::vector<Cell> place(const Snapshot& recorded, const Layout& layout, Size viewport,
                        std::string_view status) {
  std::vector<Cell> cells(size_t{viewport.rows} * viewport.columns);
  for (uint32_t row = 0; row < layout.rows; ++row)
    place_row(recorded, layout.first_row + row, layout.columns,
              &cells[size_t{row} * viewport.columns]);
  if (layout.status)
    place_status(status, viewport.columns, &cells[size_t{viewport.rows - 1} * viewport.columns]);
  return cells;
}

/// Writes cells, and moves or changes style only where the terminal does not stand so already.
class Pen {
 public:
  Pen() { out_ = "\x1b[0m"; }

  void put(uint32_t row, uint32_t column, const Cell& cell) {
    if (!known_ || row != row_ || column != column_) out_ += move_sequence(row, column);
    if (cell.style != style_) {
      out_ += style_sequence(cell.style);
      style_ = cell.style;
    }
    const std::string text = cell.text.empty() ? " " : plain_cell(cell.text);
    out_ += text;
    // Terminals differ in the width of what is not ASCII: never rely on it.
    known_ = text.size() == 1;
    row_ = row;
    column_ = column + 1;
  }
  std::string take() { return std::move(out_); }
  std::string* out() { return &out_; }

 private:
  std::string out_;
  Style style_;
  bool known_ = false;
  uint32_t row_ = 0;
  uint32_t column_ = 0;
};

}  // namespace

Layout layout_for(const Snapshot& recorded, Size viewport) {
  Layout out;
  out.clipped = recorded.size.rows > viewport.rows || recorded.size.columns > viewport.columns;
  out.status = viewport.rows >= 2 && (out.clipped || recorded.size.rows < viewport.rows);
  const uint32_t room = viewport.rows - (out.status ? 1 : 0);
  out.rows = std::min(recorded.size.rows, room);
  out.columns = std::min(recorded.size.columns, viewport.columns);
  if (recorded.cursor.row >= out.rows)
    out.first_row = std::min(recorded.cursor.row + 1 - out.rows, recorded.size.rows - out.rows);
  return out;
}

std::string_view Frames::enter() {
  return "\x1b[?1049h\x1b[?7l\x1b[0m\x1b[2J";
}
std::string_view Frames::leave() {
  return "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";
}

void Frames::resize(Size viewport) {
  viewport_ = viewport;
  drawn_.clear();
}

std::string Frames::draw(const Snapshot& recorded, std::string_view status) {
  const Layout layout = layout_for(recorded, viewport_);
  std::vector<Cell> cells = place(recorded, layout, viewport_, status);
  Pen pen;
  *pen.out() += "\x1b[?25l";
  if (drawn_.size() != cells.size()) {
    *pen.out() += "\x1b[2J";
    drawn_.assign(cells.size(), Cell{});
  }
  for (size_t i = 0; i < cells.size(); ++i) {
    // The second half of a wide character was drawn with the first.
    if (cells[i].width == 0 || cells[i] == drawn_[i]) continue;
    const auto row = static_cast<uint32_t>(i / viewport_.columns);
    const auto column = static_cast<uint32_t>(i % viewport_.columns);
    // Should the terminal find the character narrow, its second place must not keep what was there.
    if (cells[i].width == 2) pen.put(row, column + 1, Cell{"", 1, cells[i].style});
    pen.put(row, column, cells[i]);
  }
  drawn_ = std::move(cells);
  const screen::Cursor& cursor = recorded.cursor;
  const bool in_sight = cursor.row >= layout.first_row &&
                        cursor.row - layout.first_row < layout.rows &&
                        cursor.column < layout.columns;
  if (cursor.visible && in_sight)
    *pen.out() += move_sequence(cursor.row - layout.first_row, cursor.column) + "\x1b[?25h";
  return pen.take();
}

}  // namespace carrel::replay
