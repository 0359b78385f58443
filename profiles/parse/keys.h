#pragma once
// Every key of the profile language, enforced or not yet, in one table: the parser refuses by it
// and docs/profile-reference.md is compared with it.

#include <array>
#include <span>
#include <string_view>

namespace carrel::parse {

enum class Support { kEnforced, kNotYet };

/// One key by its full name; keys of [[repository]] are "repository.name" and so on.
struct KeySpec {
  std::string_view name;
  Support support = Support::kEnforced;
  bool operator==(const KeySpec&) const = default;
};

/// A value that the language has but this program does not enforce yet.
struct ValueSpec {
  std::string_view key;
  std::string_view value;
  bool operator==(const ValueSpec&) const = default;
};

/// All keys, tables before their own keys.
std::span<const KeySpec> known_keys();
/// All values refused as "not supported yet".
std::span<const ValueSpec> values_not_yet();

}  // namespace carrel::parse
