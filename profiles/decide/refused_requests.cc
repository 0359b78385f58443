#include "profiles/decide/refused_requests.h"

#include <algorithm>
#include <array>

#include "profiles/decide/body_limits.h"

namespace carrel::decide {
namespace {

/// Of git's presets there are more, all with one beginning.
constexpr std::array<std::string_view, 6> kOfRules = {
    "no-rule", "method", "body-too-large", "long-target", "path-escaped-slash", "gzip"};

}  // namespace

bool grant_helps(std::string_view reason, std::string_view method) {
  const auto has = [](const auto& list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
  };
  return has(kOrdinaryMethods, method) && (has(kOfRules, reason) || reason.starts_with("git-"));
}

}  // namespace carrel::decide
