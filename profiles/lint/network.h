#pragma once
// What a [[network]] table could carry out.

#include <vector>

#include "profiles/lint/lint.h"

namespace carrel::lint {

/// Findings about one table. Where it has a waiver, what would be a danger is a note that names who
/// answers for it. Pure.
std::vector<Finding> look_at_network(const model::Network& network);

}  // namespace carrel::lint
