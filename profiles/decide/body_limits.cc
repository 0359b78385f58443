#include "profiles/decide/body_limits.h"

#include <algorithm>
#include <string>

namespace carrel::decide {

uint64_t body_limit(std::optional<uint64_t> max_body, std::string_view method) {
  constexpr std::array<std::string_view, 4> kBodyless = {"DELETE", "GET", "HEAD", "OPTIONS"};
  const bool bodyless = std::find(kBodyless.begin(), kBodyless.end(), method) != kBodyless.end();
  return max_body.value_or(bodyless ? 0 : kDefaultBody);
}

uint64_t fetch_body_limit(std::optional<uint64_t> max_body) {
  return std::min(max_body.value_or(kFetchBody), kFetchBody);
}

uint64_t push_body_limit(std::optional<uint64_t> max_body) {
  return max_body.value_or(kPushBody);
}

model::HttpRule every_request() {
  model::HttpRule rule;
  for (const std::string_view method : kOrdinaryMethods)
    rule.methods.push_back({std::string(method), {}});
  return rule;
}

model::HttpRule granted_request() {
  model::HttpRule rule = every_request();
  rule.max_body = kMostBody;
  rule.escaped_slash = true;
  return rule;
}

}  // namespace carrel::decide
