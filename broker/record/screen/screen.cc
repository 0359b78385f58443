#include "broker/record/screen/screen.h"

#include <vterm.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "profiles/base/check.h"

namespace carrel::screen {
namespace {

constexpr uint32_t kTakenByTheCellBefore = UINT32_MAX;

void append_utf8(std::string* out, uint32_t code) {
  if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) code = 0xFFFD;
  const auto put = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xC0 | code >> 6);
  } else {
    if (code < 0x10000) {
      put(0xE0 | code >> 12);
    } else {
      put(0xF0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3F));
    }
    put(0x80 | (code >> 6 & 0x3F));
  }
  put(0x80 | (code & 0x3F));
}

Colour to_colour(const VTermColor& from) {
  Colour to;
  if (VTERM_COLOR_IS_DEFAULT_FG(&from) || VTERM_COLOR_IS_DEFAULT_BG(&from)) return to;
  if (VTERM_COLOR_IS_INDEXED(&from)) {
    to.kind = Colour::Kind::kIndexed;
    to.red = from.indexed.idx;
    return to;
  }
  return {Colour::Kind::kRgb, from.rgb.red, from.rgb.green, from.rgb.blue};
}

Cell to_cell(const VTermScreenCell& from) {
  Cell to;
  if (from.chars[0] == kTakenByTheCellBefore) {
    to.width = 0;
  } else {
    for (size_t i = 0; i < VTERM_MAX_CHARS_PER_CELL && from.chars[i] != 0; ++i)
      append_utf8(&to.text, from.chars[i]);
    to.width = from.width == 2 ? 2 : 1;
  }
  const VTermScreenCellAttrs& attrs = from.attrs;
  to.style = {attrs.bold != 0,    attrs.underline != 0, attrs.italic != 0,  attrs.blink != 0,
              attrs.reverse != 0, attrs.strike != 0,    to_colour(from.fg), to_colour(from.bg)};
  return to;
}

/// The text of a row, given its cells one after the other.
class RowText {
 public:
  void add(const VTermScreenCell& cell) {
    if (cell.chars[0] == kTakenByTheCellBefore) return;
    if (cell.chars[0] == 0 || cell.chars[0] == ' ') {
      ++blanks_;
      return;
    }
    text_.append(std::exchange(blanks_, 0), ' ');
    for (size_t i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell.chars[i] != 0; ++i)
      append_utf8(&text_, cell.chars[i]);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
  size_t blanks_ = 0;
};

}  // namespace

Size clamped(Size size) {
  return {std::clamp(size.columns, kMinColumns, kMaxColumns),
          std::clamp(size.rows, uint32_t{1}, kMaxRows)};
}

struct Screen::State {
  VTerm* terminal = nullptr;
  VTermScreen* screen = nullptr;
  ScrolledLine scrolled;
  VTermPos position{};
  bool cursor_visible = true;
  bool alternate = false;
  bool shrunk = false;  // a position saved before may lie outside

  ~State() { vterm_free(terminal); }

  static int move_cursor(VTermPos to, VTermPos, int, void* user) {
    static_cast<State*>(user)->position = to;
    return 1;
  }
  static int set_property(VTermProp property, VTermValue* value, void* user) {
    auto* self = static_cast<State*>(user);
    if (property == VTERM_PROP_CURSORVISIBLE) self->cursor_visible = value->boolean != 0;
    if (property == VTERM_PROP_ALTSCREEN) self->alternate = value->boolean != 0;
    return 1;
  }
  static int push_line(int columns, const VTermScreenCell* cells, void* user) {
    auto* self = static_cast<State*>(user);
    if (!self->scrolled) return 0;
    RowText row;
    for (int i = 0; i < columns; ++i)
      row.add(cells[i]);
    self->scrolled(row.take());
    return 1;
  }
  /// libvterm 0.1 restores a saved cursor, and moves it on a resize, without looking at the size;
  /// what comes next would write outside its cells. Puts the cursor back inside before anything
  /// does.
  void mend();
  [[nodiscard]] VTermScreenCell raw_cell(uint32_t row, uint32_t column) const {
    VTermScreenCell cell;
    memset(&cell, 0, sizeof(cell));
    vterm_screen_get_cell(screen, {static_cast<int>(row), static_cast<int>(column)}, &cell);
    return cell;
  }
};

namespace {

void drop_answer(const char*, size_t, void*) {}

// libvterm 0.1 indexes its line and tab tables with a cursor that can lie outside for as long as it
// takes mend() to see it. Zeroed margins on both sides keep that reading and writing ours.
constexpr size_t kMargin = size_t{64} << 10;

void* allocate(size_t size, void*) {
  if (size > SIZE_MAX - 2 * kMargin) return nullptr;
  auto* base = static_cast<char*>(calloc(1, size + 2 * kMargin));
  CHECK(base != nullptr);
  return base + kMargin;
}

void release(void* pointer, void*) {
  if (pointer != nullptr) free(static_cast<char*>(pointer) - kMargin);
}

}  // namespace

Screen::Screen(Size size, ScrolledLine scrolled) : state_(std::make_unique<State>()) {
  static constexpr VTermScreenCallbacks kCallbacks = {
      nullptr, nullptr, State::move_cursor, State::set_property,
      nullptr, nullptr, State::push_line,   nullptr};
  static VTermAllocatorFunctions allocator = {allocate, release};  // libvterm takes no const
  size = clamped(size);
  state_->scrolled = std::move(scrolled);
  state_->terminal = vterm_new_with_allocator(static_cast<int>(size.rows),
                                              static_cast<int>(size.columns), &allocator, nullptr);
  CHECK(state_->terminal != nullptr);
  vterm_set_utf8(state_->terminal, 1);
  vterm_output_set_callback(state_->terminal, drop_answer, nullptr);
  state_->screen = vterm_obtain_screen(state_->terminal);
  vterm_screen_set_callbacks(state_->screen, &kCallbacks, state_.get());
  vterm_screen_enable_altscreen(state_->screen, 1);
  vterm_screen_reset(state_->screen, 1);
}

Screen::~Screen() = default;
Screen::Screen(Screen&&) noexcept = default;
Screen& Screen::operator=(Screen&&) noexcept = default;

void Screen::State::mend() {
  VTermPos at;
  int rows = 0;
  int columns = 0;
  vterm_get_size(terminal, &rows, &columns);
  vterm_state_get_cursorpos(vterm_obtain_state(terminal), &at);
  if (at.row >= 0 && at.row < rows && at.col >= 0 && at.col < columns) return;
  const std::string back = "\x18\x1b[?6l\x1b[?69l\x1b[r\x1b[" +
                           std::to_string(std::clamp(at.row, 0, rows - 1) + 1) + ";" +
                           std::to_string(std::clamp(at.col, 0, columns - 1) + 1) + "H";
  vterm_input_write(terminal, back.data(), back.size());
}

void Screen::feed(std::string_view bytes) {
  if (!state_->shrunk) {
    vterm_input_write(state_->terminal, bytes.data(), bytes.size());
    return;
  }
  for (const char& byte : bytes) {
    vterm_input_write(state_->terminal, &byte, 1);
    state_->mend();
  }
}

void Screen::resize(Size wanted) {
  wanted = clamped(wanted);
  const Size before = size();
  if (wanted == before) return;
  if (wanted.columns < before.columns || wanted.rows < before.rows) state_->shrunk = true;
  vterm_set_size(state_->terminal, static_cast<int>(wanted.rows), static_cast<int>(wanted.columns));
  state_->mend();
  // A resize moves the cursor without a word.
  vterm_state_get_cursorpos(vterm_obtain_state(state_->terminal), &state_->position);
}

Size Screen::size() const {
  int rows = 0;
  int columns = 0;
  vterm_get_size(state_->terminal, &rows, &columns);
  return {static_cast<uint32_t>(columns), static_cast<uint32_t>(rows)};
}

Cell Screen::cell(uint32_t row, uint32_t column) const {
  return to_cell(state_->raw_cell(row, column));
}

Cursor Screen::cursor() const {
  const Size now = size();
  const auto within = [](int at, uint32_t limit) {
    return static_cast<uint32_t>(std::clamp(at, 0, static_cast<int>(limit) - 1));
  };
  return {within(state_->position.row, now.rows), within(state_->position.col, now.columns),
          state_->cursor_visible};
}

bool Screen::alternate() const {
  return state_->alternate;
}

std::string Screen::row_text(uint32_t row) const {
  RowText text;
  for (uint32_t column = 0; column < size().columns; ++column)
    text.add(state_->raw_cell(row, column));
  return text.take();
}

std::string Screen::text() const {
  std::string out;
  for (uint32_t row = 0; row < size().rows; ++row)
    out += row_text(row) + "\n";
  return out;
}

Snapshot Screen::snapshot() const {
  Snapshot out{size(), {}, cursor(), alternate()};
  out.cells.reserve(size_t{out.size.columns} * out.size.rows);
  for (uint32_t row = 0; row < out.size.rows; ++row)
    for (uint32_t column = 0; column < out.size.columns; ++column)
      out.cells.push_back(cell(row, column));
  return out;
}

}  // namespace carrel::screen
