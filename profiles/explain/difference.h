#pragma once
// Two profiles in words: what the second allows beyond the first, what it takes away.

#include <string>

#include "profiles/model/profile.h"

namespace carrel::explain {

/// Sections "becomes allowed", "stops being allowed", "changes"; one line a thing, with its rule.
/// "" where the two allow the same and say the same. Untrusted text is quoted. Pure.
std::string difference(const model::Profile& before, const model::Profile& after);

}  // namespace carrel::explain
