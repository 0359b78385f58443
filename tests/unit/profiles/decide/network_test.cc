#include "profiles/decide/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "profiles/decide/refused_requests.h"
#include "profiles/decide/rules.h"
#include "tests/unit/profiles/sample_profile.h"

namespace carrel::decide {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

model::Profile profile_with(const std::string& more) {
  return tests::parsed_whole(tests::minimal_profile() + more);
}

const model::Profile& whole() {
  static const model::Profile profile = tests::parsed_whole(tests::whole_profile());
  return profile;
}

model::Network grant_of(const std::string& host, uint16_t port) {
  model::Network grant;
  grant.host = host;
  grant.ports = {port};
  grant.mode = model::NetworkMode::kTcp;
  return grant;
}

TEST(DecideName, AllowsNamesOfTablesAndNothingBesideThem) {
  const NetworkDecision known = decide_name(whole(), "registry.example.org");
  EXPECT_EQ(known.verdict, Verdict::kAllowed);
  EXPECT_EQ(known.rule, "network.registry.example.org");
  EXPECT_EQ(known.network, &whole().networks[1]);
  for (const char* other : {"example.org", "a.registry.example.org", "registry.example.org.",
                            "Registry.example.org", "registry.example.orgx", ""}) {
    const NetworkDecision decision = decide_name(whole(), other);
    EXPECT_EQ(decision.verdict, Verdict::kDenied) << other;
    EXPECT_EQ(decision.rule, "default:network") << other;
    EXPECT_EQ(decision.network, nullptr) << other;
  }
}

TEST(DecideFlow, AllowsPortsOfTables) {
  EXPECT_EQ(decide_flow(whole(), "registry.example.org", 8443).verdict, Verdict::kAllowed);
  const NetworkDecision other = decide_flow(whole(), "registry.example.org", 22);
  EXPECT_EQ(other.verdict, Verdict::kDenied);
  EXPECT_EQ(other.rule, "network.registry.example.org") << "only the port is not granted";
  EXPECT_THAT(words_of(whole(), other), HasSubstr("port 443, 8443 may be reached (inspect)"));
  const NetworkDecision none = decide_flow(whole(), "a.example", 443);
  EXPECT_EQ(none, (NetworkDecision{Verdict::kDenied, "default:network", nullptr}));
  EXPECT_THAT(words_of(whole(), none), HasSubstr("Nothing else on any network"));
  EXPECT_THAT(words_of(model::Profile{}, none), HasSubstr("Nothing on any network"));
}

TEST(DecideFlow, KnowsWhatWasGrantedLater) {
  const std::vector<model::Network> grants = {grant_of("a.example", 443),
                                              grant_of("registry.example.org", 22)};
  EXPECT_EQ(decide_name(whole(), "a.example", grants).network, &grants[0]);
  EXPECT_EQ(decide_flow(whole(), "a.example", 443, grants).verdict, Verdict::kAllowed);
  EXPECT_EQ(decide_flow(whole(), "a.example", 80, grants).rule, "network.a.example");
  EXPECT_EQ(decide_flow(whole(), "a.example", 80, grants).verdict, Verdict::kDenied);
  const NetworkDecision more = decide_flow(whole(), "registry.example.org", 22, grants);
  EXPECT_EQ(more.verdict, Verdict::kAllowed);
  EXPECT_EQ(more.network, &grants[1]);
  EXPECT_EQ(decide_flow(whole(), "registry.example.org", 443, grants).network,
            &whole().networks[1]);
}

TEST(DecideFlow, AGrantOnlyAddsToThePort) {
  const auto of = [](model::NetworkMode mode, const char* host) {
    model::Network grant = grant_of(host, 443);
    grant.mode = mode;
    return grant;
  };
  using Mode = model::NetworkMode;
  const auto mode = [](const model::Profile& profile, const std::vector<model::Network>& grants) {
    return decide_flow(profile, "a.example", 443, grants).network->mode;
  };
  const std::vector<model::Network> read = {of(Mode::kTcp, "registry.example.org"),
                                            of(Mode::kInspect, "registry.example.org")};
  EXPECT_EQ(decide_flow(whole(), "registry.example.org", 443, read).network, &whole().networks[1])
      << "its rules and its credential stay";
  EXPECT_TRUE(passes_every_request(read, "registry.example.org", 443));
  EXPECT_FALSE(passes_every_request({read.data(), 1}, "registry.example.org", 443));
  EXPECT_FALSE(passes_every_request(read, "registry.example.org", 8443));
  EXPECT_FALSE(passes_every_request(read, "a.example", 443));
  const std::string table = "[[network]]\nhost = \"a.example\"\nports = [443]\nmode = ";
  const model::Profile sealed = profile_with(table + "\"passthrough\"\n");
  const model::Profile open = profile_with(table + "\"tcp\"\n");
  EXPECT_EQ(mode(sealed, {of(Mode::kTcp, "a.example")}), Mode::kTcp) << "more of the same port";
  EXPECT_EQ(mode(open, {of(Mode::kPassthrough, "a.example")}), Mode::kTcp);
  EXPECT_EQ(mode(whole(), {of(Mode::kPassthrough, "a.example"), of(Mode::kTcp, "a.example")}),
            Mode::kTcp);
}

TEST(DecideDestination, DeniesEveryAddress) {
  for (const char* address : {"8.8.8.8", "169.254.169.254", "::1", "2001:db8::1"}) {
    EXPECT_EQ(decide_destination(address, 443),
              (NetworkDecision{Verdict::kDenied, "default:network", nullptr}));
  }
}

TEST(DecideNetwork, HasTheWordsOfTheRules) {
  const auto rules = rules_of(whole());
  const auto words = [&rules](std::string_view id) {
    return std::find_if(rules.begin(), rules.end(), [id](const auto& one) { return one.id == id; })
        ->words;
  };
  for (const char* host : {"registry.example.org", "a.example"}) {
    const NetworkDecision decision = decide_name(whole(), host);
    EXPECT_EQ(words_of(whole(), decision), words(decision.rule));
  }
}

TEST(RequestLine, IsOneLineToType) {
  EXPECT_EQ(request_line("a.example"),
            "carrel request network a.example --for REASON --until TIME");
  EXPECT_EQ(request_line("a.example", 8443),
            "carrel request network a.example:8443 --for REASON --until TIME");
  EXPECT_EQ(request_line("a\nb", 1).find('\n'), std::string::npos);
}

TEST(CredentialOnRequest, IsNamedWhereATableNeedsOne) {
  EXPECT_EQ(credential_request_line("ci"),
            "carrel request credential ci --for REASON --until TIME");
  const auto with = [](const std::string& issue) {
    return profile_with("[[credential]]\nname = \"ci\"\nkind = \"header\"\nfrom = \"secret:ci\"\n" +
                        issue +
                        "[[network]]\nhost = \"a.example\"\nports = [443]\ncredential = \"ci\"\n"
                        "[[network]]\nhost = \"b.example\"\nports = [443]\n");
  };
  const model::Profile asked = with("issue = \"request\"\n");
  EXPECT_EQ(credential_on_request(asked, asked.networks[0]), "ci");
  EXPECT_EQ(credential_on_request(asked, asked.networks[1]), "");
  EXPECT_EQ(foresee_url(asked, "https://a.example/").value().credential, "ci");
  EXPECT_EQ(foresee_url(asked, "https://b.example/").value().credential, "");
  EXPECT_EQ(foresee_url(asked, "https://a.example:8/").value().credential, "") << "denied anyway";
  EXPECT_EQ(foresee_url(with(""), "https://a.example/").value().credential, "");
}

UrlAnswer answer_to(const std::string& url, const model::Profile& profile = whole()) {
  auto answer = foresee_url(profile, url);
  EXPECT_TRUE(answer.ok()) << url << ": " << (answer.ok() ? "" : answer.error().what);
  return answer.ok() ? answer.take() : UrlAnswer{};
}

std::string error_of(const std::string& url) {
  const auto answer = foresee_url(whole(), url);
  return answer.ok() ? "(answered)" : answer.error().what;
}

TEST(ForeseeUrl, NamesTheRequestsThatPass) {
  const UrlAnswer image = answer_to("https://registry.example.org/v2/app/manifests?tag=1#x");
  EXPECT_EQ(image.verdict, Verdict::kAllowed);
  EXPECT_EQ(image.rule, "network.registry.example.org");
  EXPECT_THAT(image.passes, ElementsAre("GET, HEAD /v2/**", "POST /**"));
  EXPECT_EQ(image.request, "");
  EXPECT_THAT(answer_to("HTTPS://Registry.Example.org.:8443").passes, ElementsAre("POST /**"));
  const UrlAnswer git = answer_to("https://vcs.example.org/acme/widgets.git");
  EXPECT_EQ(git.verdict, Verdict::kAllowed);
  EXPECT_THAT(git.passes, ElementsAre("git clone and fetch of \"/acme/widgets\", no push"));
  EXPECT_EQ(answer_to("wss://vcs.example.org/live").verdict, Verdict::kAllowed);
  const model::Profile open = profile_with("[[network]]\nhost = \"a.example\"\nports = [80]\n");
  EXPECT_THAT(answer_to("http://a.example/x", open).words, HasSubstr("Every request"));
}

TEST(ForeseeUrl, LeavesGitsRequestsToThePresetsOfAHost) {
  const std::string start =
      "[[network]]\nhost = \"a.example\"\nports = [443]\nhttp = [{ methods = [\"GET\", \"POST\"] }";
  const model::Profile plain = profile_with(start + "]\n");
  const model::Profile with_preset =
      profile_with(start + ", { preset = \"git-fetch\", repository = \"/acme/w\" }]\n");
  const char* push = "https://a.example/mallory/loot/git-receive-pack";
  EXPECT_EQ(answer_to(push, plain).verdict, Verdict::kAllowed);
  EXPECT_EQ(answer_to(push, with_preset).verdict, Verdict::kDenied);
  EXPECT_EQ(answer_to("https://a.example/mallory/loot", with_preset).verdict, Verdict::kAllowed);
  EXPECT_THAT(
      answer_to("https://a.example/acme/w/info/refs?service=git-upload-pack", with_preset).passes,
      ElementsAre("git clone and fetch of \"/acme/w\", no push"));
}

TEST(ForeseeUrl, KnowsEscapedSlashes) {
  EXPECT_THAT(answer_to("https://registry.example.org/@scope%2fname").passes,
              ElementsAre("POST /**"));
  EXPECT_EQ(answer_to("https://vcs.example.org/@scope%2Fname").verdict, Verdict::kDenied);
  const model::Profile open = profile_with("[[network]]\nhost = \"a.example\"\nports = [443]\n");
  EXPECT_EQ(answer_to("https://a.example/@scope%2fname", open).verdict, Verdict::kDenied);
  for (const char* path : {"/a%2f..", "/..%2fa", "/a%2f", "/%2fa", "/a%2f%2fb"})
    EXPECT_THAT(error_of("https://a.example" + std::string(path)), HasSubstr("has escapes"))
        << path;
}

TEST(ForeseeUrl, SaysWhatToAskForWhereItIsDenied) {
  const UrlAnswer host = answer_to("https://a.example/x");
  EXPECT_EQ(host.verdict, Verdict::kDenied);
  EXPECT_EQ(host.rule, "default:network");
  EXPECT_EQ(host.request, "carrel request network a.example:443 --for REASON --until TIME");
  const UrlAnswer port = answer_to("http://registry.example.org/");
  EXPECT_EQ(port.rule, "network.registry.example.org");
  EXPECT_EQ(port.request,
            "carrel request network registry.example.org:80 --for REASON --until TIME");
  const UrlAnswer path = answer_to("https://vcs.example.org/acme/other");
  EXPECT_EQ(path.verdict, Verdict::kDenied);
  EXPECT_THAT(path.words, HasSubstr("No rule of \"vcs.example.org\" lets a request for"));
  EXPECT_EQ(path.passes.size(), 3U) << "what passes is shown instead";
  EXPECT_NE(path.request, "");
  const UrlAnswer socket = answer_to("wss://vcs.example.org/other");
  EXPECT_EQ(socket.verdict, Verdict::kDenied);
  EXPECT_EQ(socket.request, "") << "no grant lets a websocket pass";
  EXPECT_EQ(answer_to("wss://registry.example.org/v2/x").verdict, Verdict::kDenied);
  const std::vector<model::Network> grants = {grant_of("a.example", 443)};
  const auto granted = foresee_url(whole(), "https://a.example/x", grants);
  ASSERT_TRUE(granted.ok());
  EXPECT_EQ(granted.value().verdict, Verdict::kAllowed);
}

TEST(ForeseeUrl, LetsEveryRequestPassWhereThatIsGranted) {
  model::Network every = grant_of("vcs.example.org", 443);
  every.mode = model::NetworkMode::kInspect;
  const std::vector<model::Network> grants = {every};
  const auto verdict = [&grants](const char* url) {
    return foresee_url(whole(), url, grants).value().verdict;
  };
  for (const char* url : {"https://vcs.example.org/acme/other", "https://vcs.example.org/@a%2fb"}) {
    EXPECT_EQ(answer_to(url).verdict, Verdict::kDenied) << url;
    EXPECT_EQ(verdict(url), Verdict::kAllowed) << url;
  }
  EXPECT_EQ(verdict("wss://vcs.example.org/live"), Verdict::kAllowed) << "by its rule";
  EXPECT_EQ(verdict("wss://vcs.example.org/other"), Verdict::kDenied);
  EXPECT_EQ(verdict("https://registry.example.org/@a%2fb"), Verdict::kAllowed);
}

TEST(GrantHelps, WhereARuleIsInTheWay) {
  for (const char* reason : {"no-rule", "method", "body-too-large", "long-target",
                             "path-escaped-slash", "git-push-ref", "git-request"})
    EXPECT_TRUE(grant_helps(reason, "POST")) << reason;
  EXPECT_FALSE(grant_helps("no-rule", "PROPFIND")) << "no grant has that method";
  EXPECT_FALSE(grant_helps("method", "")) << "it was not read";
  for (const char* reason : {"dns-over-https", "secret-echoed", "no-lease", "path-parameters",
                             "host-other", "tls", "unreachable", ""})
    EXPECT_FALSE(grant_helps(reason, "GET")) << reason;
}

TEST(ForeseeUrl, KnowsWhatEachModeLetsThrough) {
  EXPECT_EQ(answer_to("ssh://git@git.example.org/acme/widgets.git").verdict, Verdict::kAllowed);
  EXPECT_THAT(answer_to("https://git.example.org:22/").words, HasSubstr("granted for ssh"));
  EXPECT_THAT(answer_to("ssh://registry.example.org:443").words, HasSubstr("granted for HTTP"));
}

TEST(ForeseeUrl, ReadsOtherSchemesWithAPort) {
  const model::Profile others = profile_with(
      "[[network]]\nhost = \"p.example\"\nports = [443]\nmode = \"passthrough\"\n"
      "[[network]]\nhost = \"t.example\"\nports = [9418, 5432]\nmode = \"tcp\"\n");
  EXPECT_EQ(answer_to("https://p.example/a", others).verdict, Verdict::kAllowed);
  EXPECT_EQ(answer_to("http://p.example:443/", others).verdict, Verdict::kDenied);
  EXPECT_EQ(answer_to("git://t.example/a.git", others).verdict, Verdict::kAllowed);
  EXPECT_EQ(answer_to("postgresql://u@t.example:5432/db", others).verdict, Verdict::kAllowed);
  EXPECT_THAT(error_of("postgresql://t.example/db"), HasSubstr("the port is not said"));
}

TEST(ForeseeUrl, NeverGrantsAnAddress) {
  for (const char* url : {"http://127.0.0.1/", "https://[::1]/", "http://169.254.169.254/latest",
                          "https://8.8.8.8:443/"}) {
    const UrlAnswer answer = answer_to(url);
    EXPECT_EQ(answer.verdict, Verdict::kDenied) << url;
    EXPECT_EQ(answer.rule, "default:network") << url;
    EXPECT_EQ(answer.request, "") << "asking cannot help";
  }
  for (const char* url : {"http://2130706433/", "http://127.1/", "http://0177.0.0.01/"})
    EXPECT_THAT(error_of(url), HasSubstr("is no host that a profile could name")) << url;
}

TEST(ForeseeUrl, RefusesWhatIsNoUrl) {
  for (const std::string& url :
       {std::string(), std::string("registry.example.org"), std::string("https:/a"),
        std::string("https://"), std::string("https://a b/"),
        std::string("https://a\0.example/", 19), std::string("//a.example/"),
        std::string("https://a.example/\x1b"), std::string("mailto:a@b")})
    EXPECT_THAT(error_of(url), HasSubstr("is no URL")) << url;
  for (const char* place : {"[::1", "[::1]x", "[::1]:", "[a.example]", "[127.0.0.1]",
                            "a.example:1:2", "a..example", "-a.example", "a@b@c.example:1x"})
    EXPECT_THAT(error_of("tcp://" + std::string(place) + "/"), HasSubstr("is no ")) << place;
  for (const char* port : {"0", "65536", "99999", "-1", "x", "4294967739", "443x", ""})
    EXPECT_THAT(error_of("https://a.example:" + std::string(port) + "/"), HasSubstr("is no "))
        << port;
  EXPECT_THAT(error_of("https://%61.example/"), HasSubstr("is no host"));
  EXPECT_THAT(error_of("https://a_b.example/"), HasSubstr("is no host"));
  EXPECT_THAT(error_of("https://u:p@a.example/"), HasSubstr("a name or secret in a URL"));
  for (const char* path : {"/a/../b", "/%2e%2e/b", "/a//b", "/a;x/b", "/.", "/a/."})
    EXPECT_THAT(error_of("https://registry.example.org" + std::string(path)),
                HasSubstr("has escapes"))
        << path;
  EXPECT_THAT(error_of("https://a.example/" + std::string(kMaxUrlBytes, 'a')),
              HasSubstr("longer than 2048"));
}

}  // namespace
}  // namespace carrel::decide
