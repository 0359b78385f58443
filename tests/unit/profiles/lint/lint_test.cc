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
              Contains(HasSubstr("bodies of any length")));
  EXPECT_THAT(network("a.example", "http = [{ methods = [\"GET\"] }]\n"),
              Not(Contains(HasSubstr("network.a.example"))));
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
