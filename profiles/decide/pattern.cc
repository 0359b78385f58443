#include "profiles/decide/pattern.h"

#include <cstddef>

namespace carrel::decide {
namespace {

enum class Inner { kText, kPattern };

/// Takes the first component off, with the slash that ends it.
std::string_view take_component(std::string_view& rest, bool& last) {
  const size_t slash = rest.find('/');
  const std::string_view component = rest.substr(0, slash);
  last = slash == std::string_view::npos;
  rest = last ? "" : rest.substr(slash + 1);
  return component;
}

bool is_within(std::string_view inner, std::string_view outer, Inner kind) {
  while (true) {
    bool inner_last = false;
    bool outer_last = false;
    const std::string_view a = take_component(inner, inner_last);
    const std::string_view b = take_component(outer, outer_last);
    if (outer_last && b == "**") return true;
    const bool all_below = kind == Inner::kPattern && inner_last && a == "**";
    if (all_below || (a != b && (b != "*" || a.empty()))) return false;
    if (inner_last || outer_last) return inner_last && outer_last;
  }
}

}  // namespace

bool matches_path(std::string_view pattern, std::string_view canonical_path) {
  return canonical_path.starts_with('/') && is_within(canonical_path, pattern, Inner::kText);
}

bool matches_ref(std::string_view pattern, std::string_view ref) {
  return ref.starts_with("refs/") && !ref.ends_with('/') && is_within(ref, pattern, Inner::kText);
}

bool is_pattern_within(std::string_view inner, std::string_view outer) {
  return is_within(inner, outer, Inner::kPattern);
}

}  // namespace carrel::decide
