#pragma once
// The words after `carrel token`.

#include <string>
#include <vector>

#include "profiles/base/result.h"

namespace carrel::token {

struct TokenArguments {
  bool help = false;
  bool http = false;
  std::string state;  // --state, "" when not given
};

/// An Error is a usage error (exit 1) in one sentence; it does not repeat a word that may be a
/// token.
Result<TokenArguments> parse_arguments(const std::vector<std::string>& words);
std::string help_text();

}  // namespace carrel::token
