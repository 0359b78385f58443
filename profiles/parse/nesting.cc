#include "profiles/parse/nesting.h"

#include "profiles/base/text.h"

namespace carrel::parse {
namespace {

constexpr int kMaxDots = 32;

enum class State { kPlain, kComment, kBasic, kLiteral, kLongBasic, kLongLiteral };

/// Follows strings and comments exactly as TOML 1.0 does; on text that is no TOML the library stops
/// at the first error, up to which both agree.
class Scanner {
 public:
  explicit Scanner(std::string_view source) : source_(source) {}

  std::optional<Problem> run() {
    while (at_ < source_.size()) {
      const char c = source_[at_];
      if (c == '\n') {
        end_line();
        continue;
      }
      const auto byte = static_cast<unsigned char>(c);
      const bool bare_return = c == '\r' && !source_.substr(at_).starts_with("\r\n");
      if ((byte < 0x20 && c != '\t' && c != '\r') || byte == 0x7F || bare_return) {
        return Problem{{line_, column_},
                       "control character \\x" + to_hex(source_.substr(at_, 1)) + "; remove it"};
      }
      if (state_ == State::kPlain && c == '.' && ++dots_ > kMaxDots) {
        return Problem{{line_, column_},
                       "more than 32 dots outside text in one line; no profile needs them"};
      }
      step(c);
    }
    return std::nullopt;
  }

 private:
  void advance(size_t bytes) {
    for (size_t i = 0; i < bytes && at_ < source_.size(); ++i, ++at_) {
      if ((static_cast<unsigned char>(source_[at_]) & 0xC0) != 0x80) ++column_;
    }
  }

  void end_line() {
    ++at_;
    ++line_;
    column_ = 1;
    dots_ = 0;
    if (state_ != State::kLongBasic && state_ != State::kLongLiteral) state_ = State::kPlain;
  }

  void step(char c) {
    switch (state_) {
      case State::kPlain:
        open(c);
        return;
      case State::kComment:
        advance(1);
        return;
      case State::kBasic:
      case State::kLiteral:
        if (c == quote()) state_ = State::kPlain;
        break;
      case State::kLongBasic:
      case State::kLongLiteral:
        if (c == quote() && starts_with_three(c)) {
          close_long(c);
          return;
        }
        break;
    }
    const bool escapes = state_ == State::kBasic || state_ == State::kLongBasic;
    advance(1);
    if (escapes && c == '\\' && at_ < source_.size() && source_[at_] != '\n') advance(1);
  }

  void open(char c) {
    if (c == '#') state_ = State::kComment;
    if ((c == '"' || c == '\'') && starts_with_three(c)) {
      state_ = c == '"' ? State::kLongBasic : State::kLongLiteral;
      advance(3);
      return;
    }
    if (c == '"') state_ = State::kBasic;
    if (c == '\'') state_ = State::kLiteral;
    advance(1);
  }

  /// The closing three quotes may have up to two more before them, which are text.
  void close_long(char c) {
    advance(3);
    for (int extra = 0; extra < 2 && at_ < source_.size() && source_[at_] == c; ++extra)
      advance(1);
    state_ = State::kPlain;
  }

  [[nodiscard]] char quote() const {
    return state_ == State::kBasic || state_ == State::kLongBasic ? '"' : '\'';
  }
  [[nodiscard]] bool starts_with_three(char c) const {
    return source_.substr(at_, 3) == std::string(3, c);
  }

  std::string_view source_;
  size_t at_ = 0;
  int line_ = 1;
  int column_ = 1;
  int dots_ = 0;
  State state_ = State::kPlain;
};

}  // namespace

std::optional<Problem> check_nesting(std::string_view source) {
  if (!is_utf8(source)) return Problem{{1, 1}, "not UTF-8 text; save the file as UTF-8"};
  return Scanner(source).run();
}

}  // namespace carrel::parse
