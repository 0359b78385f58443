#pragma once
// Canonical JSON as the same tree that TOML becomes, so that both are read by one reader.

#include <string_view>

#include "profiles/parse/toml_tree.h"

namespace carrel::parse {

/// Reads objects, lists, strings and integers without white space, nested at most 8 deep; every
/// place is 0. False on anything else. Which spelling is the canonical one is not checked here:
/// the caller writes the profile again and compares.
bool read_canonical_json(std::string_view bytes, Value& root);

}  // namespace carrel::parse
