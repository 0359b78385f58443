#include "launcher/cli/review/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace carrel::review {
namespace {

using ::testing::HasSubstr;

std::string complaint(Verb verb, const std::vector<std::string>& words) {
  const auto parsed = parse_arguments(verb, words);
  return parsed.ok() ? "" : to_string(parsed.error());
}

TEST(ReviewArguments, ReadEveryOption) {
  const auto replay = parse_arguments(
      Verb::kReplay, {"last", "--speed", "2", "--from", "90s", "--skip-idle=2s", "--state", "/s"});
  ASSERT_TRUE(replay.ok()) << to_string(replay.error());
  EXPECT_EQ(replay.value().pace, (replay::Pace{2, 90'000'000'000, 2'000'000'000}));
  EXPECT_EQ(replay.value().session, "last");
  EXPECT_EQ(replay.value().state, "/s");
  const auto diff = parse_arguments(Verb::kDiff, {"01k0", "app/web"});
  ASSERT_TRUE(diff.ok());
  EXPECT_EQ(diff.value().path, "app/web");
  const auto events = parse_arguments(
      Verb::kEvents, {"last", "--kind", "file", "--verdict", "denied", "--format", "jsonl"});
  ASSERT_TRUE(events.ok());
  EXPECT_EQ(events.value().verdict, events::Verdict::kDenied);
  EXPECT_EQ(events.value().format, Format::kJsonl);
}

TEST(ReviewArguments, RefuseWhatIsWrongInOneSentence) {
  EXPECT_THAT(complaint(Verb::kShow, {}), HasSubstr("which session"));
  EXPECT_THAT(complaint(Verb::kShow, {"a", "b"}), HasSubstr("unexpected word"));
  EXPECT_THAT(complaint(Verb::kShow, {"last", "--frob"}), HasSubstr("unknown option --frob"));
  EXPECT_THAT(complaint(Verb::kSessions, {"last"}), HasSubstr("unexpected word"));
  EXPECT_THAT(complaint(Verb::kEvents, {"last", "--kind", "fiel"}), HasSubstr("did you mean file"));
  EXPECT_THAT(complaint(Verb::kEvents, {"last", "--verdict", "no"}), HasSubstr("unknown verdict"));
  EXPECT_THAT(complaint(Verb::kEvents, {"last", "--format", "ocsf"}),
              HasSubstr("not supported yet"));
  EXPECT_THAT(complaint(Verb::kReplay, {"last", "--speed", "0.01"}), HasSubstr("not a speed"));
  EXPECT_THAT(complaint(Verb::kReplay, {"last", "--json"}), HasSubstr("unknown option"));
  EXPECT_THAT(complaint(Verb::kVerify, {"./a.bundle"}), HasSubstr("not supported yet"));
}

TEST(ReviewArguments, HelpNamesTheVerbsOptions) {
  EXPECT_THAT(help_text(Verb::kReplay), HasSubstr("--skip-idle"));
  EXPECT_THAT(help_text(Verb::kVerify), HasSubstr("--policy"));
  EXPECT_THAT(help_text(Verb::kSessions), HasSubstr("usage: carrel sessions [options]"));
}

}  // namespace
}  // namespace carrel::review
