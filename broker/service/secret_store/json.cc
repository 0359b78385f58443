#include "broker/service/secret_store/json.h"

#include <string>

#include "profiles/base/wipe.h"

namespace carrel::secret_store {
namespace {

constexpr int kMaxDepth = 16;

/// Before a tree is built of it, which is destroyed by recursion.
bool is_shallow(std::string_view text) {
  int depth = 0;
  bool inside = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (inside && c == '\\') {
      ++i;
    } else if (c == '"') {
      inside = !inside;
    } else if (!inside && (c == '{' || c == '[')) {
      if (++depth > kMaxDepth) return false;
    } else if (!inside && (c == '}' || c == ']')) {
      --depth;
    }
  }
  return true;
}

}  // namespace

std::optional<nlohmann::json> read_object(std::string_view text) {
  if (!is_shallow(text)) return std::nullopt;
  constexpr bool kThrows = false;
  nlohmann::json json = nlohmann::json::parse(text, nullptr, kThrows);
  if (json.is_object()) return json;
  wipe(json);
  return std::nullopt;
}

void wipe(nlohmann::json& json) {
  if (json.is_string()) return carrel::wipe(json.get_ref<std::string&>());
  if (!json.is_structured()) return;
  for (nlohmann::json& each : json)
    wipe(each);
}

const nlohmann::json* member(const nlohmann::json& in, const char* key) {
  if (!in.is_object()) return nullptr;
  const auto found = in.find(key);
  return found == in.end() ? nullptr : &*found;
}

}  // namespace carrel::secret_store
