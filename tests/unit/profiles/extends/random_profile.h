#pragma once
// Random profile sources over small sets of names, so that parents and children often meet.

#include <random>
#include <string>

namespace carrel::tests {

/// A source: with `profile`, [purpose] and everything that is required if `whole`, else a part that
/// speaks of a few things. `extends` is a list of names, or "".
std::string random_source(std::mt19937_64& random, bool whole, const std::string& extends);

}  // namespace carrel::tests
