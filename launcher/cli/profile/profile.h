#pragma once
// `carrel profile`: look at a profile before anybody is granted it.

#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/model/profile.h"

namespace carrel::profile {

/// What other components add to the answers; an empty function leaves its part out.
struct Hooks {
  /// SHA-256 in lower-case hex, for the digest line of `check` (profiles/ links no OpenSSL).
  std::function<std::string(std::string_view)> sha256_hex;
  /// The sandbox plan as text, which `explain` appends.
  std::function<std::string(const model::Profile&)> plan_text;
  /// The folder of the profiles that can be extended by a library name.
  std::string library;
};

/// Runs the verb; `arguments` are the words after `profile`. Answers go to `out`, errors to `err`.
/// Returns the exit code: 0 ok, 1 invalid, usage, not supported yet, a finding of `lint` graded
/// warning or danger, a case of `test` that does not hold; 2 not found. Files are read with the
/// caller's rights.
int run_profile(const std::vector<std::string>& arguments, const Hooks& hooks, std::FILE* out,
                std::FILE* err);

}  // namespace carrel::profile
