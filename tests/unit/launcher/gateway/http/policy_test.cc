#include "launcher/gateway/http/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/launcher/gateway/http/policy_sample.h"

namespace carrel::gateway::http {
namespace {

Allowed allowed(const std::vector<RuleView>& rules, std::string_view start, Fields fields) {
  fields.emplace_back("Host: git.example.org");
  const RequestHead head = request(start, fields);
  const auto target = std::get<Target>(read_target(head, kOrigin));
  const auto decision = decide({rules, {}}, head, target);
  EXPECT_TRUE(std::holds_alternative<Allowed>(decision)) << start;
  const auto* found = std::get_if<Allowed>(&decision);
  return found == nullptr ? Allowed{} : *found;
}

TEST(Policy, ARuleLetsItsMethodsPassToItsPaths) {
  const std::vector<RuleView> rules = {rule({"GET", "HEAD"}, "/api/**"), rule({"POST"}, "/api/up")};
  EXPECT_EQ(of(rules, "GET /api/a HTTP/1.1"), "0 0");
  EXPECT_EQ(of(rules, "HEAD /api/a?b=c HTTP/1.1"), "0 0");
  EXPECT_EQ(of(rules, "POST /api/up HTTP/1.1"), "1 65536");
  EXPECT_EQ(of(rules, "POST /api/a HTTP/1.1"), "table 403 method");
  EXPECT_EQ(of(rules, "GET /other HTTP/1.1"), "table 403 no-rule");
  EXPECT_EQ(of(rules, "GET /api HTTP/1.1"), "table 403 no-rule");
}

/// What is decided is the canonical path: spellings of another one do not slip through.
TEST(Policy, NoSpellingOfAPathPassesAsAnother) {
  const std::vector<RuleView> rules = {rule({"GET"}, "/public/**")};
  EXPECT_EQ(of(rules, "GET /x/../public/a HTTP/1.1"), "0 0");
  for (const char* path : {"/public/../secret", "/public/%2e%2e/secret", "//secret", "/PUBLIC/a",
                           "/public/./../secret", "/public//../secret"})
    EXPECT_EQ(of(rules, std::string("GET ") + path + " HTTP/1.1"), "table 403 no-rule") << path;
  EXPECT_EQ(of(rules, "GET /public/..;/secret HTTP/1.1"), "target 400 path-parameters");
}

TEST(Policy, WithoutRulesOrdinaryMethodsPass) {
  for (const char* method : {"GET", "HEAD", "OPTIONS", "DELETE"})
    EXPECT_EQ(of(NetworkView{}, std::string(method) + " /a HTTP/1.1"), "table 0") << method;
  for (const char* method : {"POST", "PUT", "PATCH"})
    EXPECT_EQ(of(NetworkView{}, std::string(method) + " /a HTTP/1.1"), "table 65536") << method;
  for (const char* method : {"PROPFIND", "TRACK", "DEBUG", "PURGE"})
    EXPECT_EQ(of(NetworkView{}, std::string(method) + " /a HTTP/1.1"), "table 403 method");
}

TEST(Policy, BodiesAreBoundedBeforeTheyPass) {
  const std::vector<RuleView> rules = {rule({"GET", "POST"}, "/a"), rule({"POST"}, "/b", 10),
                                       rule({"GET"}, "/c", 10)};
  EXPECT_EQ(of(rules, "POST /a HTTP/1.1", {"Content-Length: 65536"}), "0 65536");
  EXPECT_EQ(of(rules, "POST /a HTTP/1.1", {"Content-Length: 65537"}), "0 413 body-too-large");
  EXPECT_EQ(of(rules, "GET /a HTTP/1.1", {"Content-Length: 0"}), "0 0");
  EXPECT_EQ(of(rules, "GET /a HTTP/1.1", {"Content-Length: 1"}), "0 413 body-too-large");
  EXPECT_EQ(of(rules, "GET /a HTTP/1.1", {"Transfer-Encoding: chunked"}), "0 413 body-too-large");
  EXPECT_EQ(of(rules, "POST /b HTTP/1.1", {"Content-Length: 10"}), "1 10");
  EXPECT_EQ(of(rules, "POST /b HTTP/1.1", {"Content-Length: 11"}), "1 413 body-too-large");
  EXPECT_EQ(of(rules, "POST /b HTTP/1.1", {"Transfer-Encoding: chunked"}), "1 10");
  EXPECT_EQ(of(rules, "GET /c HTTP/1.1", {"Content-Length: 10"}), "2 10");
}

TEST(Policy, OfSeveralRulesOneThatAdmitsTheBodyDecides) {
  const std::vector<RuleView> rules = {rule({"POST"}, "/**", 5), rule({"POST"}, "/up", 50),
                                       rule({"POST"}, "/up", 20)};
  EXPECT_EQ(of(rules, "POST /up HTTP/1.1", {"Content-Length: 5"}), "0 5");
  EXPECT_EQ(of(rules, "POST /up HTTP/1.1", {"Content-Length: 6"}), "1 50");
  EXPECT_EQ(of(rules, "POST /up HTTP/1.1", {"Content-Length: 51"}), "0 413 body-too-large");
  EXPECT_EQ(of(rules, "POST /up HTTP/1.1", {"Transfer-Encoding: chunked"}), "1 50");
  EXPECT_EQ(of(rules, "POST /a HTTP/1.1", {"Transfer-Encoding: chunked"}), "0 5");
}

TEST(Policy, RulesThatOnlyReadTakeShortTargets) {
  const std::vector<RuleView> rules = {rule({"GET", "HEAD"}, "/a"), rule({"GET", "PUT"}, "/b")};
  const std::string query(kMaxReadTarget - 3, 'q');
  EXPECT_EQ(of(rules, "GET /a?" + query + " HTTP/1.1"), "0 0");
  EXPECT_EQ(of(rules, "GET /a?" + query + "q HTTP/1.1"), "0 414 long-target");
  EXPECT_EQ(of(rules, "GET /b?" + query + "q HTTP/1.1"), "1 0");
}

TEST(Policy, NamesAreNotResolvedOverHttps) {
  const Fields types = {"Content-Type: application/dns-message"};
  EXPECT_EQ(of(NetworkView{}, "POST /dns-query HTTP/1.1", types), "table 403 dns-over-https");
  EXPECT_EQ(of(NetworkView{}, "GET /q HTTP/1.1", {"Accept: */*, Application/DNS-JSON;q=1"}),
            "table 403 dns-over-https");
  EXPECT_EQ(of(NetworkView{}, "GET /q HTTP/1.1", {"Accept: application/json"}), "table 0");
}

TEST(Policy, WebsocketsAreAGrantOfTheirOwn) {
  RuleView granted = rule({"GET"}, "/ws");
  granted.upgrade = true;
  const Fields asks = {"Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="};
  EXPECT_TRUE(allowed({granted}, "GET /ws HTTP/1.1", asks).upgrade);
  EXPECT_FALSE(allowed({granted}, "GET /ws HTTP/1.1", {}).upgrade);
  EXPECT_FALSE(allowed({rule({"GET"}, "/ws")}, "GET /ws HTTP/1.1", asks).upgrade);
  const Fields h2c = {"Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AA"};
  EXPECT_FALSE(allowed({granted}, "GET /ws HTTP/1.1", h2c).upgrade);
}

TEST(Policy, PlacesAreThoseOfTheProfile) {
  model::Network network;
  network.where = {10, 1, 0};
  model::HttpRule http;
  http.methods = {{"GET", {}}, {"PUT", {}}};
  http.path = "/a/*";
  http.max_body = 3;
  http.where = {12, 11, 0};
  network.http = {http};
  const NetworkView view = view_of(network);
  ASSERT_EQ(view.rules.size(), 1U);
  EXPECT_EQ(of(view, "PUT /a/b HTTP/1.1"), "0 3");
  const RequestHead head = request("PUT /a/b HTTP/1.1", {"Host: git.example.org"});
  const auto decision = decide(view, head, {"/a/b", false, ""});
  EXPECT_EQ(std::get<Allowed>(decision).rule, (RulePlace{0, {12, 11, 0}}));
  const auto denied = decide(view, head, {"/b", false, ""});
  EXPECT_EQ(std::get<Denied>(denied).rule, (RulePlace{std::nullopt, {10, 1, 0}}));
}

TEST(Policy, AnEscapedSlashPassesByRulesThatSaySo) {
  RuleView scoped = rule({"GET"}, "/*");
  scoped.escaped_slash = true;
  const RuleView other = rule({"GET", "POST"}, "/**");
  EXPECT_EQ(of({scoped}, "GET /@scope%2fname HTTP/1.1"), "0 0");
  EXPECT_EQ(of({scoped}, "GET /@scope%2fname/x HTTP/1.1"), "table 403 no-rule") << "one component";
  EXPECT_EQ(of({scoped}, "POST /@scope%2fname HTTP/1.1"), "table 403 method");
  EXPECT_EQ(of({scoped}, "GET /..%2fname HTTP/1.1"), "target 400 path-escaped-slash");
  EXPECT_EQ(of({other}, "GET /@scope%2fname HTTP/1.1"), "target 400 path-escaped-slash");
  EXPECT_EQ(of({other, scoped}, "GET /@scope%2fname HTTP/1.1"), "1 0");
  EXPECT_EQ(of({other, scoped}, "GET /a/@scope%2fname HTTP/1.1"), "0 400 path-escaped-slash");
  EXPECT_EQ(of({other, scoped}, "GET /a/b HTTP/1.1"), "0 0");
  const RuleView git = preset("git-fetch", "/acme/w");
  scoped.methods = {"POST"};
  scoped.path = "/**";
  EXPECT_EQ(of({scoped, git}, "POST /acme%2fw/x HTTP/1.1"), "0 65536") << "control";
  for (const char* path : {"/acme%2fw/git-receive-pack", "/acme/w%2fgit-receive-pack"})
    EXPECT_THAT(of({scoped, git}, "POST " + std::string(path) + " HTTP/1.1"),
                testing::HasSubstr("403 git-"))
        << path;
}

// ---- git ----

const Fields kFetchType = {"Content-Type: application/x-git-upload-pack-request"};
const Fields kPushType = {"Content-Type: application/x-git-receive-pack-request"};

TEST(GitPreset, FetchMayDiscoverAndFetch) {
  const std::vector<RuleView> rules = {preset("git-fetch", "/acme/widgets")};
  for (const char* name : {"/acme/widgets", "/acme/widgets.git"}) {
    const std::string at = name;
    EXPECT_EQ(of(rules, "GET " + at + "/info/refs?service=git-upload-pack HTTP/1.1"), "0 0");
    EXPECT_EQ(of(rules, "POST " + at + "/git-upload-pack HTTP/1.1", kFetchType), "0 1048576");
    EXPECT_EQ(of(rules, "GET " + at + "/info/refs?service=git-receive-pack HTTP/1.1"),
              "0 403 git-push-denied");
    EXPECT_EQ(of(rules, "POST " + at + "/git-receive-pack HTTP/1.1", kPushType),
              "0 403 git-push-denied");
    EXPECT_EQ(of(rules, "GET " + at + "/info/refs HTTP/1.1"), "0 403 git-dumb");
    EXPECT_EQ(of(rules, "GET " + at + "/HEAD HTTP/1.1"), "0 403 git-dumb");
    EXPECT_EQ(of(rules, "GET " + at + "/objects/info/packs HTTP/1.1"), "0 403 git-dumb");
    EXPECT_EQ(of(rules, "POST " + at + "/info/lfs/objects/batch HTTP/1.1"), "0 403 git-lfs");
    EXPECT_EQ(of(rules, "POST " + at + "/info/lfs/locks HTTP/1.1"), "0 403 git-lfs");
  }
}

TEST(GitPreset, PushMayFetchToo) {
  const std::vector<RuleView> rules = {preset("git-push", "/acme/widgets.git")};
  const std::string at = "/acme/widgets";
  EXPECT_EQ(of(rules, "GET " + at + "/info/refs?service=git-receive-pack HTTP/1.1"), "0 0");
  EXPECT_EQ(of(rules, "GET " + at + "/info/refs?service=git-upload-pack HTTP/1.1"), "0 0");
  EXPECT_EQ(of(rules, "POST " + at + ".git/git-receive-pack HTTP/1.1", kPushType), "0 16777216");
  EXPECT_EQ(of(rules, "POST " + at + "/git-upload-pack HTTP/1.1", kFetchType), "0 1048576");
  Fields chunked = kPushType;
  chunked.emplace_back("Transfer-Encoding: chunked");
  EXPECT_EQ(allowed(rules, "POST " + at + "/git-receive-pack HTTP/1.1", chunked).git,
            GitStep::kPush);
}

TEST(GitPreset, OtherRepositoriesAndSpellingsAreNotItsOwn) {
  const std::vector<RuleView> rules = {preset("git-fetch", "/acme/widgets")};
  for (const char* path :
       {"/acme/other", "/acme/widgets2", "/acme/widgets.wiki.git", "/acme/widgets.wiki", "/acme",
        "/other/acme/widgets", "/ACME/widgets", "/acme/widgets.git.git", "/acme/widgets.gitx"})
    EXPECT_EQ(of(rules, std::string("GET ") + path + "/info/refs?service=git-upload-pack HTTP/1.1"),
              "table 403 no-rule")
        << path;
}

TEST(GitPreset, RequestsHaveOneForm) {
  const std::vector<RuleView> rules = {preset("git-push", "/r/x")};
  for (const char* start :
       {"GET /r/x/info/refs?service=git-upload-pack&a=b HTTP/1.1", "GET /r/x/info/refs? HTTP/1.1",
        "GET /r/x/info/refs?service=git-upload-archive HTTP/1.1",
        "POST /r/x/info/refs?service=git-upload-pack HTTP/1.1", "GET /r/x/git-upload-pack HTTP/1.1",
        "POST /r/x/git-upload-pack?a HTTP/1.1", "POST /r/x/git-upload-archive HTTP/1.1",
        "GET /r/x/issues HTTP/1.1", "GET /r/x/ HTTP/1.1", "PUT /r/x/git-receive-pack HTTP/1.1"})
    EXPECT_EQ(of(rules, start), "0 403 git-request") << start;
  EXPECT_EQ(of(rules, "GET /r/x HTTP/1.1"), "table 403 no-rule");
}

TEST(GitPreset, BodiesHaveTheirTypeAndAnEncodingThatCanBeRead) {
  const std::vector<RuleView> rules = {preset("git-push", "/r/x")};
  const auto with = [](Fields fields, const char* more) {
    fields.emplace_back(more);
    return fields;
  };
  const char* fetch = "POST /r/x/git-upload-pack HTTP/1.1";
  const char* push = "POST /r/x/git-receive-pack HTTP/1.1";
  EXPECT_EQ(of(rules, fetch, with(kFetchType, "Content-Encoding: gzip")), "0 1048576");
  EXPECT_EQ(of(rules, fetch, with(kFetchType, "Content-Encoding: br")), "0 403 git-encoding");
  EXPECT_EQ(of(rules, push, with(kPushType, "Content-Encoding: gzip")), "0 403 git-encoding");
  EXPECT_EQ(of(rules, fetch), "0 403 git-type");
  EXPECT_EQ(of(rules, fetch, kPushType), "0 403 git-type");
  EXPECT_EQ(of(rules, push, kFetchType), "0 403 git-type");
  EXPECT_EQ(of(rules, fetch, with(kFetchType, "Content-Length: 1048577")), "0 413 body-too-large");
  EXPECT_EQ(of(rules, "GET /r/x/info/refs?service=git-upload-pack HTTP/1.1", {"Content-Length: 1"}),
            "0 413 body-too-large");
}

TEST(GitPreset, OnlyFetchesAndPushesHaveBodiesWhateverTheRuleSays) {
  RuleView large = preset("git-push", "/r/x");
  large.max_body = 50'000'000;
  const char* discovery = "GET /r/x/info/refs?service=git-upload-pack HTTP/1.1";
  EXPECT_EQ(of({large}, discovery, {"Content-Length: 1"}), "0 413 body-too-large");
  EXPECT_EQ(of({large}, "POST /r/x/git-upload-pack HTTP/1.1", kFetchType), "0 1048576");
  EXPECT_EQ(of({large}, "POST /r/x/git-receive-pack HTTP/1.1", kPushType), "0 50000000");
}

TEST(GitPreset, AnUnknownOneLetsNothingPass) {
  const std::vector<RuleView> rules = {preset("git-all", "/r/x")};
  EXPECT_EQ(of(rules, "GET /r/x/info/refs?service=git-upload-pack HTTP/1.1"), "0 403 git-request");
  const std::vector<RuleView> whole = {preset("git-fetch", "/")};
  EXPECT_EQ(of(whole, "GET /info/refs?service=git-upload-pack HTTP/1.1"), "table 403 no-rule");
}

TEST(GitPreset, NoPlainRuleOfTheHostLetsGitsRequestsPass) {
  const std::vector<RuleView> rules = {rule({"GET", "POST"}, "/**", 1000),
                                       preset("git-fetch", "/acme/widgets")};
  EXPECT_EQ(of(rules, "POST /api HTTP/1.1"), "0 1000") << "control";
  EXPECT_EQ(of(rules, "GET /acme/widgets/raw/x?a HTTP/1.1"), "0 1000") << "control";
  EXPECT_EQ(of(rules, "GET /acme/widgets/info/refs?service=git-upload-pack HTTP/1.1"), "1 0");
  EXPECT_EQ(of(rules, "POST /acme/widgets/git-upload-pack HTTP/1.1", kFetchType), "1 1048576");
  EXPECT_EQ(of(rules, "POST /acme/widgets/git-receive-pack HTTP/1.1", kPushType),
            "1 403 git-push-denied");
  EXPECT_EQ(of(rules, "POST /acme/widgets/git-upload-pack HTTP/1.1"), "1 403 git-type");
  EXPECT_EQ(of(rules, "POST /acme/widgets/git-upload-pack?x HTTP/1.1"), "1 403 git-request");
  for (const char* start :
       {"GET /mallory/loot/info/refs?service=git-upload-pack HTTP/1.1",
        "GET /mallory/loot/info/refs?x&service=git-receive-pack HTTP/1.1",
        "POST /mallory/loot/git-upload-pack HTTP/1.1",
        "POST /mallory/loot.git/git-receive-pack HTTP/1.1",
        "POST /ACME/widgets/git-receive-pack HTTP/1.1",
        "POST /acme/x/../Widgets/git%2Dreceive-pack HTTP/1.1",
        "POST /mallory/loot/git-receive-pack/ HTTP/1.1", "POST /m//git-receive-pack?a=b HTTP/1.1"})
    EXPECT_EQ(of(rules, start), "table 403 git-request") << start;
  const std::vector<RuleView> plain = {rule({"GET", "POST"}, "/**", 1000)};
  EXPECT_EQ(of(plain, "POST /mallory/loot/git-receive-pack HTTP/1.1"), "0 1000")
      << "without a preset the plain rule is all that the profile says";
}

TEST(GitPreset, TheVersionIsTheOneThatPasses) {
  EXPECT_EQ(git_version({}), 0);
  EXPECT_EQ(git_version({{"git-protocol", "version=2"}}), 2);
  EXPECT_EQ(git_version({{"git-protocol", "version=1"}}), 1);
}

TEST(OnlyReads, WhereNoRuleLetsOutWhatSomebodyWrites) {
  model::HttpRule read;
  read.methods = {{"GET", {}}, {"HEAD", {}}};
  model::HttpRule fetch;
  fetch.preset = "git-fetch";
  model::Network network;
  EXPECT_FALSE(only_reads(network));  // without rules every request passes
  network.http = {read, fetch};
  EXPECT_TRUE(only_reads(network));
  const auto with = [&network](const model::HttpRule& rule) {
    model::Network more = network;
    more.http.push_back(rule);
    return only_reads(more);
  };
  model::HttpRule push;
  push.preset = "git-push";
  EXPECT_FALSE(with(push));
  model::HttpRule post = read;
  post.methods.push_back({"POST", {}});
  EXPECT_FALSE(with(post));
  model::HttpRule body = read;
  body.max_body = 1;
  EXPECT_FALSE(with(body));
  body.max_body = 0;
  EXPECT_TRUE(with(body));
  model::HttpRule socket = read;
  socket.upgrade = true;
  EXPECT_FALSE(with(socket));
  network.mode = model::NetworkMode::kPassthrough;
  EXPECT_FALSE(only_reads(network));
}

}  // namespace
}  // namespace carrel::gateway::http
