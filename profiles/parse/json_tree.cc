#include "profiles/parse/json_tree.h"

#include <charconv>

#include "profiles/base/text.h"

namespace carrel::parse {
namespace {

constexpr int kMaxDepth = 8;

/// The first thing that does not fit ends the reading.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : rest_(bytes) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }

  bool value(Value& out, int depth) {
    if (depth > kMaxDepth || rest_.empty()) return false;
    switch (rest_[0]) {
      case '{':
        return table(out, depth);
      case '[':
        return list(out, depth);
      case '"':
        out.kind = Value::Kind::kString;
        out.type = "a string";
        return string(out.text);
      default:
        return integer(out);
    }
  }

 private:
  bool take(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool table(Value& out, int depth) {
    out.kind = Value::Kind::kTable;
    out.type = "a table";
    take('{');
    if (take('}')) return true;
    do {
      Member member;
      if (!string(member.key) || !take(':') || !value(member.value, depth + 1)) return false;
      out.members.push_back(std::move(member));
    } while (take(','));
    return take('}');
  }

  bool list(Value& out, int depth) {
    out.kind = Value::Kind::kList;
    out.type = "a list";
    take('[');
    if (take(']')) return true;
    do {
      out.items.emplace_back();
      if (!value(out.items.back(), depth + 1)) return false;
    } while (take(','));
    return take(']');
  }

  bool integer(Value& out) {
    out.kind = Value::Kind::kInteger;
    out.type = "an integer";
    const char* end = rest_.data() + rest_.size();
    const auto [stop, failure] = std::from_chars(rest_.data(), end, out.number);
    if (failure != std::errc{}) return false;
    rest_.remove_prefix(static_cast<size_t>(stop - rest_.data()));
    return true;
  }

  bool string(std::string& out) {
    if (!take('"')) return false;
    while (!rest_.empty()) {
      if (take('"')) return true;
      if (take('\\')) {
        if (!escaped(out)) return false;
      } else {
        out += rest_[0];
        rest_.remove_prefix(1);
      }
    }
    return false;
  }

  bool escaped(std::string& out) {
    constexpr std::string_view kLetters = "\"\\nrtfb";
    constexpr std::string_view kMeanings = "\"\\\n\r\t\f\b";
    if (rest_.empty()) return false;
    const size_t at = kLetters.find(rest_[0]);
    if (at != std::string_view::npos) {
      rest_.remove_prefix(1);
      out += kMeanings[at];
      return true;
    }
    if (!rest_.starts_with("u00") || rest_.size() < 5) return false;
    const auto byte = from_hex(rest_.substr(3, 2));
    if (!byte || static_cast<unsigned char>((*byte)[0]) >= 0x20) return false;
    rest_.remove_prefix(5);
    out += *byte;
    return true;
  }

  std::string_view rest_;
};

}  // namespace

bool read_canonical_json(std::string_view bytes, Value& root) {
  Cursor cursor(bytes);
  return cursor.value(root, 0) && cursor.at_end();
}

}  // namespace carrel::parse
