// What passes of a host to which every request is granted.

#include <gtest/gtest.h>

#include "profiles/decide/body_limits.h"
#include "tests/unit/launcher/gateway/http/policy_sample.h"

namespace carrel::gateway::http {
namespace {

/// Of a table with these rules to which every request is granted; "+" behind what only that lets
/// pass.
std::string granted(const std::vector<RuleView>& rules, std::string_view start,
                    Fields fields = {}) {
  const NetworkView network{rules, {}, true};
  const std::string said = of(network, start, fields);
  fields.emplace_back("Host: git.example.org");
  const RequestHead head = request(start, fields);
  const auto target = read_target(head, kOrigin, escaped_slash_of(network));
  if (!std::holds_alternative<Target>(target)) return said;
  const auto decision = decide(network, head, std::get<Target>(target));
  const auto* allowed = std::get_if<Allowed>(&decision);
  if (allowed != nullptr && allowed->by_grant_after)
    return said + " after " + std::to_string(*allowed->by_grant_after);
  return said + (allowed != nullptr && allowed->by_grant ? "+" : "");
}

TEST(Policy, AGrantLetsPassWhatNoRuleDoes) {
  const std::string most = std::to_string(decide::kMostBody);
  RuleView api = rule({"GET", "POST"}, "/api/**");
  api.headers = {"x-own"};
  const std::string large = "Content-Length: 100000", small = "Content-Length: 10";
  const std::vector<RuleView> rules = {api, preset("git-fetch", "/acme/read"),
                                       preset("git-push", "/acme/own")};
  EXPECT_EQ(of(rules, "POST /api/a HTTP/1.1", {large}), "0 413 body-too-large") << "the control";
  EXPECT_EQ(granted(rules, "GET /api/a HTTP/1.1"), "0 0") << "its rule decides";
  EXPECT_EQ(granted(rules, "POST /api/a HTTP/1.1", {small}), "0 65536");
  EXPECT_EQ(granted(rules, "POST /api/a HTTP/1.1", {large}), "0 " + most + "+")
      << "with the headers of its rule";
  EXPECT_EQ(granted(rules, "POST /api/a HTTP/1.1", {"Transfer-Encoding: chunked"}),
            "0 " + most + " after 65536")
      << "the rule's as long as it is no longer";
  EXPECT_EQ(granted(rules, "PUT /other HTTP/1.1", {large}), "table " + most + "+");
  EXPECT_EQ(granted(rules, "DELETE /other HTTP/1.1", {small}), "table " + most + "+");
  EXPECT_EQ(granted(rules, "GET /@scope%2fname HTTP/1.1"), "table " + most + "+");
  EXPECT_EQ(granted({api}, "GET /api/@scope%2fname HTTP/1.1"), "0 " + most + "+");
  EXPECT_EQ(granted(rules, "PROPFIND /other HTTP/1.1"), "table 403 no-rule");
  EXPECT_EQ(granted({}, "POST /a HTTP/1.1", {large}), "table " + most + "+");
  EXPECT_EQ(granted({}, "POST /a HTTP/1.1", {small}), "table 65536");
  EXPECT_EQ(granted(rules, "GET /api/a HTTP/1.1", {"Accept: application/dns-message"}),
            "table 403 dns-over-https");
}

TEST(Policy, AGrantLetsGitsRequestsPassBesideThePresets) {
  const std::string most = std::to_string(decide::kMostBody);
  const std::vector<RuleView> rules = {preset("git-fetch", "/acme/read"),
                                       preset("git-push", "/acme/own")};
  const auto fields = [](const std::string& service, const std::string& length) {
    return Fields{"Content-Type: application/x-git-" + service + "-request", length};
  };
  const std::string small = "Content-Length: 10", chunked = "Transfer-Encoding: chunked";
  const auto push = fields("receive-pack", small);
  EXPECT_EQ(granted(rules, "POST /acme/own/git-receive-pack HTTP/1.1", push), "1 16777216");
  EXPECT_EQ(granted(rules, "POST /acme/read/git-receive-pack HTTP/1.1", push), "0 " + most + "+");
  EXPECT_EQ(granted(rules, "POST /other/git-receive-pack HTTP/1.1", push), "table " + most + "+");
  EXPECT_EQ(granted(rules, "POST /acme/read/git-upload-pack HTTP/1.1",
                    fields("upload-pack", "Content-Length: 70000")),
            "0 1048576");
  const auto step = [&rules](const char* start, Fields given) {
    given.emplace_back("Host: git.example.org");
    const RequestHead head = request(start, given);
    const auto target = std::get<Target>(read_target(head, kOrigin));
    return std::get<Allowed>(decide(NetworkView{rules, {}, true}, head, target)).git;
  };
  EXPECT_EQ(step("POST /acme/own/git-receive-pack HTTP/1.1", fields("receive-pack", chunked)),
            GitStep::kPush)
      << "what it changes is looked at before it passes";
  EXPECT_EQ(step("POST /acme/read/git-upload-pack HTTP/1.1", fields("upload-pack", chunked)),
            GitStep::kFetch);
  EXPECT_EQ(
      granted(rules, "POST /acme/read/git-upload-pack HTTP/1.1", fields("upload-pack", chunked)),
      "0 1048576");
  EXPECT_EQ(
      granted(rules, "POST /acme/own/git-receive-pack HTTP/1.1", fields("receive-pack", chunked)),
      "1 " + most + " after 16777216");
}

}  // namespace
}  // namespace carrel::gateway::http
