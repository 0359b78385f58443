#pragma once
// The last step of every reading.

#include "profiles/model/profile.h"
#include "profiles/parse/problems.h"

namespace carrel::parse {

/// Sorts every list, so that the order of the source changes neither profile nor digest, and bounds
/// the whole.
void finish(model::Profile& profile, Problems& problems);

}  // namespace carrel::parse
