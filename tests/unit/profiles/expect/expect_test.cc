#include "profiles/expect/expect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/profiles/sample_profile.h"

namespace carrel::expect {
namespace {

using ::testing::HasSubstr;

std::string errors_of(const std::string& source) {
  const auto cases = parse_cases(source, "c.toml");
  return cases.ok() ? "(accepted)" : cases.error().what;
}

TEST(Expect, AsksByTheDecisionsOfASession) {
  const model::Profile profile = tests::parsed_whole(tests::whole_profile());
  struct Row {
    Question question;
    const char* text;
    bool allowed;
    const char* rule;
  };
  for (const Row& row : {
           Row{Question::kRead, "app/docs/a", true, "repository.app.read.docs"},
           Row{Question::kRead, "app/web/src/a", true, "repository.app.write.web/src"},
           Row{Question::kWrite, "app/web/src/a", true, "repository.app.write.web/src"},
           Row{Question::kWrite, "app/docs/a", false, "repository.app.read.docs"},
           Row{Question::kRead, "app/web/src/secrets", false,
               "repository.app.never.web/src/secrets"},
           Row{Question::kWrite, "app/billing", false, "repository.app"},
           Row{Question::kRead, "other/x", false, ""},
           Row{Question::kConnect, "git.example.org:22", true, "network.git.example.org"},
           Row{Question::kConnect, "git.example.org:23", false, "network.git.example.org"},
           Row{Question::kConnect, "git.example.org", false, "network.git.example.org"},
           Row{Question::kConnect, "example.org:22", false, "default:network"},
           Row{Question::kCredential, "ci", true, "credential.ci"},
           Row{Question::kCredential, "cd", false, "credential.cd"},
           Row{Question::kForward, "3000", true, "forward.3000"},
           Row{Question::kForward, "3001", false, "default:forward"},
           Row{Question::kForward, "03000", false, "default:forward"},
       }) {
    const Answer answer = ask(profile, row.question, row.text);
    EXPECT_EQ(answer.allowed, row.allowed) << row.text;
    EXPECT_EQ(answer.rule, row.rule) << row.text;
  }
}

TEST(Expect, ReadsCases) {
  const auto cases = parse_cases(
      "[[case]]\nread = \"app/docs\"\nexpect = \"allowed\"\nrule = \"repository.app.read.docs\"\n"
      "[[case]]\nforward = \"80\"\nexpect = \"denied\"\n",
      "c.toml");
  ASSERT_TRUE(cases.ok()) << cases.error().what;
  ASSERT_EQ(cases.value().size(), 2U);
  EXPECT_TRUE(cases.value()[0].allowed);
  EXPECT_EQ(cases.value()[1].question, Question::kForward);
  EXPECT_EQ(cases.value()[1].where.line, 5);
}

TEST(Expect, RefusesWhatTestsNothing) {
  EXPECT_THAT(errors_of(""), HasSubstr("nothing is tested"));
  EXPECT_THAT(errors_of("[[cases]]\nread = \"a\"\n"), HasSubstr("unknown key \"cases\""));
  EXPECT_THAT(errors_of("[[case]]\nexpect = \"allowed\"\n"), HasSubstr("asks one thing"));
  EXPECT_THAT(errors_of("[[case]]\nread = \"a\"\nwrite = \"a\"\nexpect = \"denied\"\n"),
              HasSubstr("c.toml:1:1: a [[case]] asks one thing"));
  EXPECT_THAT(errors_of("[[case]]\nread = \"a\"\n"), HasSubstr("write expect"));
  EXPECT_THAT(errors_of("[[case]]\nread = \"a\"\nexpect = \"yes\"\n"), HasSubstr("write expect"));
  EXPECT_THAT(errors_of("[[case]]\nraed = \"a\"\nexpect = \"denied\"\n"),
              HasSubstr("c.toml:2:1: unknown key \"raed\""));
  EXPECT_THAT(errors_of("[[case]]\nread = 3\nexpect = \"denied\"\n"), HasSubstr("is an integer"));
}

TEST(Expect, TellsAnswerAndRule) {
  const model::Profile profile = tests::parsed(tests::full_profile());
  const Case wrong{Question::kRead, "app/docs", true, "repository.app.write.docs", {3, 1}};
  EXPECT_EQ(check(profile, wrong, "c.toml"),
            "c.toml:3:1: read \"app/docs\" is allowed by repository.app.read.docs, expected "
            "allowed by repository.app.write.docs");
  EXPECT_EQ(check(profile, {Question::kRead, "app/docs", true, "", {}}, "c.toml"), "");
}

}  // namespace
}  // namespace carrel::expect
