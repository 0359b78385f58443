#pragma once
// How secrets are called. Pure.

#include <string_view>

namespace carrel::secrets {

/// As names are spelt in profiles: small letters, digits and '-', at most 63. Never a path, never
/// secrets.toml nor a file of our own, all of which have a dot.
constexpr bool is_name(std::string_view text) {
  constexpr size_t kMaxName = 63;
  return !text.empty() && text.size() <= kMaxName && text[0] != '-' &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

}  // namespace carrel::secrets
