#include "profiles/base/header_secret.h"

#include <algorithm>

namespace carrel {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t';
}

}  // namespace

std::string_view header_secret_fault(std::string_view value) {
  if (value.size() < kMinHeaderSecret) return "has less than 8 bytes";
  if (value.size() > kMaxHeaderSecret) return "has more than 8 KiB";
  const bool printable = std::all_of(value.begin(), value.end(),
                                     [](char c) { return is_space(c) || (c > 0x20 && c < 0x7F); });
  if (!printable) return "holds a line break or another byte that is no printable ASCII";
  if (is_space(value.front()) || is_space(value.back())) return "begins or ends with a space";
  return "";
}

}  // namespace carrel
