#pragma once
// A first look at TOML text, before the TOML library builds a tree of it.

#include <optional>
#include <string_view>

#include "profiles/parse/problems.h"

namespace carrel::parse {

/// The library destroys its tree by recursion and bounds nested values but not dotted keys: a key
/// of 500,000 dots would exhaust the stack. So: more than 32 dots outside strings and comments in
/// one line (a key cannot go over a line's end), a control character, or malformed UTF-8 is a
/// problem.
std::optional<Problem> check_nesting(std::string_view source);

}  // namespace carrel::parse
