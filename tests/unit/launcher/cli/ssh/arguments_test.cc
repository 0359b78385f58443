#include "launcher/cli/ssh/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace carrel::ssh_cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string complaint(Verb verb, const std::vector<std::string>& words) {
  const auto parsed = parse_arguments(verb, words);
  return parsed.ok() ? "" : to_string(parsed.error());
}

TEST(SshArguments, ReadEveryOption) {
  const auto config =
      parse_arguments(Verb::kSshConfig, {"--state", "/s", "fix", "local/other", "local/fix"});
  ASSERT_TRUE(config.ok()) << to_string(config.error());
  EXPECT_EQ(config.value().state, "/s");
  EXPECT_THAT(config.value().names, ElementsAre("fix", "other"));
  EXPECT_TRUE(parse_arguments(Verb::kSshConfig, {}).value().names.empty());
  const auto stdio = parse_arguments(Verb::kConnect, {"--stdio", "fix"});
  ASSERT_TRUE(stdio.ok());
  EXPECT_EQ(stdio.value().way, Way::kStdio);
  const auto prepare = parse_arguments(Verb::kConnect, {"--state=/s", "--prepare", "local/fix"});
  ASSERT_TRUE(prepare.ok());
  EXPECT_EQ(prepare.value().way, Way::kPrepare);
  EXPECT_THAT(prepare.value().names, ElementsAre("fix"));
}

TEST(SshArguments, SayWhatIsWrong) {
  EXPECT_THAT(complaint(Verb::kConnect, {"fix"}), HasSubstr("give --stdio or --prepare"));
  EXPECT_THAT(complaint(Verb::kConnect, {"--stdio", "--prepare", "fix"}),
              HasSubstr("give --stdio or --prepare"));
  EXPECT_EQ(complaint(Verb::kConnect, {"--stdio"}), "give one task, or one session");
  EXPECT_EQ(complaint(Verb::kConnect, {"--stdio", "a", "b"}), "give one task, or one session");
  EXPECT_THAT(complaint(Verb::kSshConfig, {"--stdio", "a"}), HasSubstr("unknown option --stdio"));
  EXPECT_EQ(complaint(Verb::kSshConfig, {"--state", ""}), "--state: give a folder");
  EXPECT_EQ(complaint(Verb::kConnect, {"--prep", "a"}), "unknown option --prep");
  EXPECT_EQ(complaint(Verb::kSshConfig, std::vector<std::string>(1025, "a")),
            "more than 1024 tasks at once");
}

TEST(SshArguments, TakeNoNameThatBreaksALine) {
  for (const char* word : {"", "local/", "a b", "a\nb", "A", "../a", "-x", "a*", "a%h", "a/b",
                           "other/a", "a\xc3\xa4"}) {
    EXPECT_NE(complaint(Verb::kSshConfig, {"--", word}), "") << word;
  }
  EXPECT_NE(complaint(Verb::kSshConfig, {std::string(64, 'a')}), "");
  EXPECT_EQ(complaint(Verb::kSshConfig, {std::string(63, 'a')}), "");
}

TEST(SshArguments, KnowWhatMayBeASession) {
  for (const char* word : {"last", "01hz", "01hzw00000000000000000000a", "fix1"})
    EXPECT_TRUE(may_be_session(word)) << word;
  for (const char* word : {"fix", "fix-it", "01hzw00000000000000000000ab", ""})
    EXPECT_FALSE(may_be_session(word)) << word;
}

TEST(SshArguments, HaveHelp) {
  EXPECT_THAT(help_text(Verb::kSshConfig), HasSubstr("usage: carrel ssh-config [TASK...]"));
  EXPECT_THAT(help_text(Verb::kConnect), HasSubstr("usage: carrel connect --stdio|--prepare"));
  EXPECT_TRUE(parse_arguments(Verb::kConnect, {"--help"}).value().help);
  for (const Verb verb : {Verb::kSshConfig, Verb::kConnect})
    EXPECT_EQ(verb_from(verb_name(verb)), verb);
  EXPECT_FALSE(verb_from("ssh").has_value());
}

}  // namespace
}  // namespace carrel::ssh_cli
