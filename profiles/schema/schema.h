#pragma once
// The profile language for editors.

#include <span>
#include <string>

#include "profiles/parse/not_yet.h"

namespace carrel::schema {

/// A JSON Schema (draft 2020-12) of the keys and values that this program accepts, made of
/// parse::known_keys() and parse::not_yet(): what is not supported yet matches nothing. It finds
/// misspelt keys and wrong types while one types; `carrel profile check` knows all the rules. Two
/// spaces of indent, a line feed at the end. Pure.
std::string json_schema();
/// The same where these keys and values are refused.
std::string json_schema(std::span<const parse::NotYet> refused);

}  // namespace carrel::schema
