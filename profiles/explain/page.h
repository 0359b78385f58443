#pragma once
// Lines of at most 100 columns.

#include <string>
#include <string_view>

namespace carrel::explain {

/// Builds a text of wrapped, indented lines.
class Page {
 public:
  /// One paragraph, `level` steps in; its further lines stand one step deeper.
  void line(int level, std::string_view words);
  /// "  label: words", wrapped.
  void item(std::string_view label, std::string_view words);
  /// An empty line.
  void gap() { text_ += '\n'; }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace carrel::explain
