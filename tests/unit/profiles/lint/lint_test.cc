#include "profiles/lint/lint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/profiles/sample_profile.h"

namespace carrel::lint {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

const auto kAll = [](std::string_view) { return true; };

std::vector<std::string> lines_of(const std::string& source) {
  std::vector<std::string> lines;
  for (const Finding& finding : lint(tests::parsed_whole(source), kAll)) {
    lines.push_back(std::to_string(finding.where.line) + " " + std::string(word_of(finding.grade)) +
                    " " + finding.rule + ": " + finding.words);
  }
  return lines;
}

std::vector<std::string> findings_with(const std::string& more) {
  return lines_of(tests::with_repository(more));
}

TEST(Lint, FindsNothingGraveInACarefulProfile) {
  const auto found = lint(
      tests::parsed_whole(tests::with_repository("read = [\"docs/api\"]\nwrite = [\"web/src\"]\n") +
                          "[session]\nmax_duration = \"8h\"\nidle_timeout = \"30m\"\nassurance = "
                          "\"full\"\n"),
      kAll);
  for (const Finding& finding : found)
    EXPECT_EQ(finding.grade, Grade::kNote) << finding.words;
}

TEST(Lint, GradesWhatMayBeChanged) {
  for (const char* path :
       {".github", "a/CODEOWNERS", ".gitattributes", ".gitmodules", "Jenkinsfile", "ci/x",
        "web/package.json", "release/keys", "a/Makefile", "web/yarn.lock"}) {
    EXPECT_THAT(findings_with("write = [\"" + std::string(path) + "\"]\n"),
                Contains(HasSubstr("10 danger repository.app.write." + std::string(path))))
        << path;
  }
  EXPECT_THAT(findings_with("write = [\"src\"]\n"),
              Contains(HasSubstr("10 note repository.app.write.src: \"src\" lies at the root")));
  EXPECT_THAT(findings_with("write = [\"src/secretary\"]\n"), Not(Contains(HasSubstr("danger"))));
}

TEST(Lint, GradesWhatMayBeRead) {
  for (const char* path :
       {"secrets", "etc/.env", "a/server.pem", "deploy/x", "signing", "x/id_rsa"}) {
    EXPECT_THAT(findings_with("read = [\"" + std::string(path) + "\"]\n"),
                Contains(HasSubstr("10 warning repository.app.read." + std::string(path))))
        << path;
  }
  EXPECT_THAT(findings_with("read = [\"docs\"]\n"),
              Not(Contains(HasSubstr("repository.app.read"))));
}

TEST(Lint, SaysWhatHidesOrExposesNothing) {
  EXPECT_THAT(findings_with("read = [\"a\"]\nnever = [\"b\"]\n"),
              Contains(HasSubstr("11 note repository.app.never.b: \"b\" is hidden already")));
  EXPECT_THAT(findings_with("read = [\"a\"]\nnever = [\"a/b\"]\n"),
              Not(Contains(HasSubstr("hidden already"))));
  EXPECT_THAT(findings_with(""), Contains(HasSubstr("6 warning repository.app: nothing of")));
}

TEST(Lint, LooksAtTheSession) {
  EXPECT_THAT(findings_with(""), Contains(HasSubstr("0 warning session.max_duration: no time")));
  EXPECT_THAT(findings_with("[session]\nmax_duration = \"2d\"\n"),
              Contains(HasSubstr("11 note session.max_duration: a session may last 2d")));
  EXPECT_THAT(findings_with(""), Contains(HasSubstr("note session.idle_timeout")));
  const auto few = lint(tests::parsed_whole(tests::with_repository()),
                        [](std::string_view key) { return key != "session.idle_timeout"; });
  for (const Finding& finding : few)
    EXPECT_NE(finding.rule, "session.idle_timeout") << "this program would refuse the key";
}

TEST(Lint, LooksAtCredentialsAndHosts) {
  const std::string token = "[[credential]]\nname = \"c\"\naudience = \"a\"\nttl = \"";
  EXPECT_THAT(findings_with(token + "10m\"\n"),
              Contains(HasSubstr("10 warning credential.c.ttl: a copy")));
  EXPECT_THAT(findings_with(token + "2m\"\n"), Not(Contains(HasSubstr("credential.c"))));
  const auto network = [](const std::string& host, const std::string& more) {
    return findings_with("[[network]]\nhost = \"" + host + "\"\nports = [443]\n" + more);
  };
  EXPECT_THAT(network("api.github.com", ""), Contains(HasSubstr("danger network.api.github.com")));
  EXPECT_THAT(network("notgithub.com", ""), Not(Contains(HasSubstr("danger"))));
  EXPECT_THAT(network("a.example", ""), Contains(HasSubstr("warning network.a.example: every")));
  EXPECT_THAT(network("a.example", "mode = \"tcp\"\n"),
              Contains(HasSubstr("neither read nor bounded")));
  EXPECT_THAT(network("a.example", "http = [{ methods = [\"POST\"] }]\n"),
              Contains(HasSubstr("nothing bounds what is sent")));
  EXPECT_THAT(network("a.example", "http = [{ methods = [\"GET\"] }]\n"),
              Not(Contains(HasSubstr("network.a.example"))));
}

/// The findings about one table; it begins on line 6.
std::vector<std::string> findings_of(const std::string& host, const std::string& more) {
  return lines_of(tests::minimal_profile() + "[[network]]\nhost = \"" + host +
                  "\"\nports = [443]\n" + more);
}

const std::string kRead = "http = [{ methods = [\"GET\", \"HEAD\"], path = \"";
const std::string kSecret =
    "[[credential]]\nname = \"c\"\nkind = \"header\"\nfrom = \"secret:c\"\n";

TEST(LintNetwork, GradesWhoseAccountsCanBeReached) {
  for (const char* host : {"github.com", "api.github.com", "gist.github.com", "hooks.slack.com",
                           "s3.amazonaws.com", "storage.googleapis.com", "registry.npmjs.org"}) {
    EXPECT_THAT(findings_of(host, "http = [{ methods = [\"POST\"], path = \"/a\" }]\n"),
                Contains(HasSubstr("6 danger network." + std::string(host) + ": ")))
        << host;
    EXPECT_THAT(findings_of(host, "mode = \"passthrough\"\nbudget = { up = \"1MiB\" }\n"),
                Contains(HasSubstr("danger")))
        << host;
    EXPECT_THAT(findings_of(host, kRead + "/acme/**\" }]\n"), Not(Contains(HasSubstr("danger"))))
        << host;
    EXPECT_THAT(findings_of(host, "credential = \"c\"\n" + kSecret),
                Contains(HasSubstr("credential is put in place of others")))
        << host;
  }
  EXPECT_THAT(findings_of("github.com", kRead + "/acme/**\" }]\n"),
              Contains(HasSubstr("6 note network.github.com: ")));
  EXPECT_THAT(findings_of("github.com", kRead + "/**\" }]\n"),
              Contains(HasSubstr("6 warning network.github.com: \"github.com\" lies at a code "
                                 "host: anybody can have an account there")));
  EXPECT_THAT(findings_of("registry.npmjs.org", kRead + "/**\" }]\n"),
              Contains(HasSubstr("6 note network.registry.npmjs.org: ")));
  EXPECT_THAT(
      findings_of("github.com", "http = [{ preset = \"git-fetch\", repository = \"/acme/w\" }]\n"),
      Contains(HasSubstr("6 note network.github.com: ")));
  for (const char* other : {"notgithub.com", "github.com.example.org", "a.example"})
    EXPECT_THAT(findings_of(other, "http = [{ methods = [\"POST\"], path = \"/a\" }]\n"),
                Not(Contains(HasSubstr("danger"))))
        << other;
}

TEST(LintNetwork, TellsNamesBelowASharedServiceFromTheServiceItself) {
  for (const char* host : {"acme.github.io", "acme.s3.amazonaws.com",
                           "acme.s3.eu-central-1.amazonaws.com", "acme.blob.core.windows.net"}) {
    EXPECT_THAT(findings_of(host, "http = [{ methods = [\"PUT\"], path = \"/a\" }]\n"),
                Contains(HasSubstr("6 warning network." + std::string(host) + ": \"" + host +
                                   "\" lies at ")))
        << host;
    EXPECT_THAT(findings_of(host, kRead + "/**\" }]\n"),
                Contains(HasSubstr("note network." + std::string(host) + ": ")))
        << host;
    EXPECT_THAT(findings_of(host, "mode = \"tcp\"\n"), Contains(HasSubstr("danger"))) << host;
  }
}

TEST(LintNetwork, GradesWhatNobodyReads) {
  const std::string passed = "mode = \"passthrough\"\nbudget = { up = \"1MiB\" }\n";
  EXPECT_THAT(findings_of("d1.cloudfront.net", passed),
              Contains(HasSubstr("6 danger network.d1.cloudfront.net.mode: ")));
  EXPECT_THAT(findings_of("d1.cloudfront.net", kRead + "/a\" }]\n"),
              Not(Contains(HasSubstr("CDN"))));
  EXPECT_THAT(findings_of("a.example", passed),
              Contains(HasSubstr("6 note network.a.example.mode: nobody reads")));
  for (const char* mode : {"passthrough", "tcp"})
    EXPECT_THAT(findings_of("a.example", "mode = \"" + std::string(mode) + "\"\n"),
                Contains(HasSubstr("6 warning network.a.example.budget: what is sent")))
        << mode;
  EXPECT_THAT(findings_of("a.example", passed), Not(Contains(HasSubstr("warning network"))));
  for (const char* host : {"dns.google", "cloudflare-dns.com", "mozilla.cloudflare-dns.com"})
    EXPECT_THAT(findings_of(host, kRead + "/a\" }]\n"),
                Contains(HasSubstr("answers DNS questions over HTTPS")))
        << host;
}

TEST(LintNetwork, GradesWhatARequestMayChange) {
  const auto rule = [](const std::string& text) {
    return findings_of("a.example", "http = [{ " + text + " }]\n");
  };
  EXPECT_THAT(rule("methods = [\"POST\"], path = \"/a/**\", max_body = \"1KiB\""),
              Contains(HasSubstr("9 warning network.a.example.http: requests that change")));
  EXPECT_THAT(rule("methods = [\"POST\"], path = \"/a/b\", max_body = \"1KiB\""),
              Not(Contains(HasSubstr("network.a.example"))));
  EXPECT_THAT(rule("methods = [\"GET\"], path = \"/a\", upgrade = true"),
              Contains(HasSubstr("9 warning network.a.example.http: a websocket")));
  EXPECT_THAT(findings_of("a.example",
                          "http = [{ methods = [\"GET\"], path = \"/a\", upgrade = true }]\n"
                          "budget = { up = \"1MiB\" }\n"),
              Contains(HasSubstr("9 note network.a.example.http: a websocket")));
  EXPECT_THAT(rule("methods = [\"GET\"], path = \"/a\", escaped_slash = true"),
              Contains(HasSubstr("9 note network.a.example.http: \"%2F\" may stand")));
  const std::string push = "preset = \"git-push\", repository = \"/a/b\", max_body = \"1MiB\"";
  EXPECT_THAT(rule(push + ", refs = [\"refs/heads/*\"]"),
              Contains(HasSubstr("9 warning network.a.example.http: a push to \"/a/b\"")));
  EXPECT_THAT(rule(push + ", refs = [\"refs/heads/contrib/*\"]"),
              Not(Contains(HasSubstr("network.a.example"))));
  model::Profile profile = tests::parsed_whole(
      tests::minimal_profile() + "[[network]]\nhost = \"a.example\"\nports = [443]\nhttp = [{ " +
      push + ", refs = [\"refs/heads/x\"] }]\n");
  profile.networks[0].http[0].refs.clear();
  const auto found = lint(profile, kAll);
  EXPECT_TRUE(std::any_of(found.begin(), found.end(), [](const Finding& finding) {
    return finding.grade == Grade::kDanger &&
           finding.words.find("may change every ref") != std::string::npos;
  })) << "no profile can be written so, but a grant could";
}

TEST(LintNetwork, WantsPlainRulesBesideGitsPresets) {
  const auto beside = [](const std::string& text, const std::string& more = "") {
    return findings_of("a.example",
                       "budget = { up = \"1MiB\" }\n"
                       "http = [{ preset = \"git-fetch\", repository = \"/acme/w\" }, { " +
                           text + " }]\n" + more);
  };
  EXPECT_THAT(beside("methods = [\"POST\"]"),
              Contains(HasSubstr("10 danger network.a.example.http: \"/**\" holds requests of "
                                 "git's to \"/acme/w\", which pass by the \"git-fetch\" alone")));
  EXPECT_THAT(beside("methods = [\"POST\"], path = \"/acme/w.git/*\""),
              Contains(HasSubstr("danger network.a.example.http: ")));
  EXPECT_THAT(beside("methods = [\"GET\"]"),
              Contains(HasSubstr("10 warning network.a.example.http: \"/**\" holds requests")));
  EXPECT_THAT(beside("methods = [\"POST\"]", "waiver = { by = \"lena\", reason = \"ours\" }\n"),
              Contains(HasSubstr("10 note network.a.example.http: waived by \"lena\" (ours): ")));
  for (const char* other :
       {"methods = [\"POST\"], path = \"/api/x\"", "methods = [\"GET\"], path = \"/acme/w/raw/**\"",
        "methods = [\"POST\"], path = \"/acme/other/git-receive-pack\""})
    EXPECT_THAT(beside(other), Not(Contains(HasSubstr("requests of git's")))) << other;
}

TEST(LintNetwork, GradesPortsAddressesAndCredentials) {
  const auto plain = [](const std::string& more) {
    return lines_of(tests::minimal_profile() + "[[network]]\nhost = \"a.example\"\nports = [80]\n" +
                    more);
  };
  EXPECT_THAT(plain("credential = \"c\"\n" + kSecret),
              Contains(HasSubstr("6 danger network.a.example.ports: credential \"c\"")));
  EXPECT_THAT(plain(kRead + "/a\" }]\n"), Contains(HasSubstr("6 note network.a.example.ports: ")));
  EXPECT_THAT(findings_of("a.example", "credential = \"c\"\n" + kSecret),
              Not(Contains(HasSubstr(".ports"))));
  EXPECT_THAT(findings_of("a.example", "addresses = [\"10.0.0.0/8\"]\n"),
              Contains(HasSubstr("9 warning network.a.example.addresses: ")));
  EXPECT_THAT(findings_of("a.example", "addresses = [\"10.20.0.0/16\"]\n"),
              Contains(HasSubstr("9 note network.a.example.addresses: ")));
  EXPECT_THAT(findings_of("a.example", kSecret),
              Contains(HasSubstr("warning credential.c: credential \"c\" is put in nowhere")));
}

TEST(LintNetwork, ListsWhatSomebodyAnswersFor) {
  const std::string open = "mode = \"tcp\"\nbudget = { up = \"1MiB\" }\n";
  const std::string waiver = "waiver = { by = \"lena\", reason = \"Ticket 7\" }\n";
  EXPECT_THAT(findings_of("github.com", open), Contains(HasSubstr("danger")));
  const auto waived = findings_of("github.com", open + waiver);
  EXPECT_THAT(waived, Not(Contains(HasSubstr("danger"))));
  EXPECT_THAT(waived,
              Contains(HasSubstr("6 note network.github.com: waived by \"lena\" (Ticket 7): "
                                 "\"github.com\" lies at a code host")));
  EXPECT_THAT(findings_of("github.com", "mode = \"tcp\"\n" + waiver),
              Contains(HasSubstr("warning network.github.com.budget")))
      << "only dangers are waived";
  EXPECT_THAT(findings_of("a.example", kRead + "/a\" }]\n" + waiver),
              Contains(HasSubstr("the waiver by \"lena\" waives nothing")));
}

TEST(Lint, LooksAtWidening) {
  model::Profile profile = tests::parsed_whole(tests::minimal_profile());
  profile.widened = {
      {"base/x:network", "build", "lena", {3, 1}},
      {"base/x:session.max_duration", "the nightly build takes long", "lena", {9, 1}}};
  const auto found = lint(profile, kAll);
  std::vector<std::string> words;
  for (const Finding& finding : found)
    words.push_back(std::string(word_of(finding.grade)) + " " + finding.words);
  EXPECT_THAT(words,
              Contains(HasSubstr("danger goes beyond \"base/x:network\", which is a whole")));
  EXPECT_THAT(words, Contains(HasSubstr("warning the reason \"build\"")));
  EXPECT_THAT(words, Contains(HasSubstr("note goes beyond \"base/x:session.max_duration\"")));
}

}  // namespace
}  // namespace carrel::lint
