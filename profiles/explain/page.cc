#include "profiles/explain/page.h"

namespace carrel::explain {
namespace {

constexpr size_t kColumns = 100;
constexpr size_t kStep = 2;

/// Columns of a text: its characters, for UTF-8 that has no double-width ones.
size_t width(std::string_view text) {
  size_t count = 0;
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) ++count;
  }
  return count;
}

}  // namespace

void Page::line(int level, std::string_view words) {
  const size_t indent = static_cast<size_t>(level) * kStep;
  text_.append(indent, ' ');
  size_t column = indent;
  bool first = true;
  while (!words.empty()) {
    const size_t end = words.find(' ');
    const std::string_view word = words.substr(0, end);
    words = end == std::string_view::npos ? "" : words.substr(end + 1);
    const size_t length = width(word);
    if (!first && column + 1 + length > kColumns) {
      text_ += '\n';
      text_.append(indent + kStep, ' ');
      column = indent + kStep;
    } else if (!first) {
      text_ += ' ';
      ++column;
    }
    text_ += word;
    column += length;
    first = false;
  }
  text_ += '\n';
}

void Page::item(std::string_view label, std::string_view words) {
  line(1, std::string(label) + ": " + std::string(words));
}

}  // namespace carrel::explain
