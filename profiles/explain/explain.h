#pragma once
// A profile in plain words that an admin can read aloud before granting it.

#include <string>
#include <string_view>

#include "profiles/model/profile.h"

namespace carrel::explain {

/// Paragraphs of at most 100 columns (long names may stand out), ending in a newline. Untrusted
/// text is quoted. Every enforced key appears, and which of the rules are defaults. Pure.
std::string explain(const model::Profile& profile);

}  // namespace carrel::explain
