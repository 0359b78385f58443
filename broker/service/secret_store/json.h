#pragma once
// JSON of a server that is believed in what it says, but not in how much: bounded before it is
// parsed, and wiped after.

#include <optional>
#include <string_view>

#include <nlohmann/json.hpp>

namespace carrel::secret_store {

/// An object, nested at most 16 deep; nothing for anything else. Never throws.
std::optional<nlohmann::json> read_object(std::string_view text);

/// Overwrites every string in it.
void wipe(nlohmann::json& json);

/// The member of that key of an object, or null where there is none or `in` is no object.
const nlohmann::json* member(const nlohmann::json& in, const char* key);

}  // namespace carrel::secret_store
