#pragma once
// git's packets for these tests.

#include <array>
#include <cstdio>
#include <string>

namespace carrel::gateway::http {

inline std::string packet(const std::string& text) {
  std::array<char, 8> digits{};
  std::snprintf(digits.data(), digits.size(), "%04zx", text.size() + 4);
  return digits.data() + text;
}

}  // namespace carrel::gateway::http
