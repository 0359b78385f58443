#pragma once
// Rules and what they decide, in short, for tests.

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "launcher/gateway/http/policy.h"
#include "tests/unit/launcher/gateway/http/sample.h"

namespace carrel::gateway::http {

using Fields = std::vector<std::string>;

inline RuleView rule(std::vector<std::string> methods, std::string path,
                     std::optional<uint64_t> max_body = {}) {
  RuleView view;
  view.methods = std::move(methods);
  view.path = std::move(path);
  view.max_body = max_body;
  return view;
}

inline RuleView preset(std::string name, std::string repository) {
  RuleView view;
  view.preset = std::move(name);
  view.repository = std::move(repository);
  return view;
}

/// "INDEX MAX_BODY", or the status and reason; "table" stands for the [[network]] table itself.
inline std::string of(const NetworkView& network, std::string_view start, Fields fields = {}) {
  fields.emplace_back("Host: git.example.org");
  const RequestHead head = request(start, fields);
  const auto read = read_target(head, kOrigin, escaped_slash_of(network));
  if (!std::holds_alternative<Target>(read)) return "target " + outcome(read);
  const auto decision = decide(network, head, std::get<Target>(read));
  const auto place = [](const RulePlace& p) {
    return p.index ? std::to_string(*p.index) : std::string("table");
  };
  if (const auto* allowed = std::get_if<Allowed>(&decision))
    return place(allowed->rule) + " " + std::to_string(allowed->max_body);
  const Denied& denied = std::get<Denied>(decision);
  EXPECT_FALSE(denied.refusal.why.empty());
  return place(denied.rule) + " " + std::to_string(denied.refusal.status) + " " +
         std::string(denied.refusal.reason);
}

inline std::string of(const std::vector<RuleView>& rules, std::string_view start,
                      Fields fields = {}) {
  return of(NetworkView{rules, {}}, start, std::move(fields));
}

}  // namespace carrel::gateway::http
