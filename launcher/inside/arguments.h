#pragma once
// The command line of `carrel` as it is typed inside a workspace. Pure.

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "launcher/inside/message.h"

namespace carrel::inside {

/// Nothing is asked; this is printed instead, and is the end.
struct Words {
  int status = 0;  // 0: to stdout; else to stderr
  std::string text;
  bool operator==(const Words&) const = default;
};

/// `words` without the program's name. `folder` is the asker's, absolute. A path is joined to it by
/// name alone, a word with "://" in it is an address, a word with a blank and a colon what git
/// said.
std::variant<Question, Words> take_arguments(const std::vector<std::string_view>& words,
                                             std::string_view folder);

}  // namespace carrel::inside
