#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "launcher/cli/review/text_diff.h"
#include "tests/unit/launcher/cli/review/review_record.h"

namespace carrel::review {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string digest_of(const std::string& bytes) {
  return std::string(evidence::as_view(evidence::sha256(bytes)));
}

/// A session that changed files, with the contents in its record.
class DiffTest : public ::testing::Test {
 protected:
  void change(const std::string& path, const std::string& change, const std::string& before,
              const std::string& after, const std::string& note = "") {
    const bool added = change == "added";
    const bool deleted = change == "deleted";
    script_.add(events::FileChanged{path, change, added ? "" : digest_of(before),
                                    deleted ? "" : digest_of(after), before.size(), after.size(),
                                    added ? 0U : 0100644U, deleted ? 0U : mode_, note});
    for (const std::string& bytes : {before, after})
      contents_.push_back(bytes);
  }
  Answer run(const std::string& path = "", Colour colour = Colour::kNo) {
    const ReviewRecord record(script_.end());
    for (const std::string& bytes : contents_)
      if (keep_) record.put_blob(bytes);
    return answer_of([&](Output output) { return diff(record.subject(), path, colour, output); });
  }

  Script script_;
  std::vector<std::string> contents_;
  uint32_t mode_ = 0100644;
  bool keep_ = true;
};

TEST_F(DiffTest, ShowsModifiedFilesAsUnifiedDifference) {
  change("/workspaces/app/a.c", "modified", "one\ntwo \\n\n", "one\nthree\n");
  const Answer answer = run();
  EXPECT_EQ(answer.code, 0) << answer.err;
  EXPECT_EQ(answer.out,
            "# modified /workspaces/app/a.c, 11 -> 10 bytes\n"
            "--- a/workspaces/app/a.c\n"
            "+++ b/workspaces/app/a.c\n"
            "@@ -1,2 +1,2 @@\n"
            " one\n"
            "-two \\n\n"
            "+three\n");
}

TEST_F(DiffTest, ShowsAddedAndDeletedAgainstDevNull) {
  change("/workspaces/app/new", "added", "", "hello\n");
  change("/workspaces/app/old", "deleted", "bye\n", "");
  const Answer answer = run();
  EXPECT_THAT(answer.out, HasSubstr("--- /dev/null\n+++ b/workspaces/app/new\n"));
  EXPECT_THAT(answer.out, HasSubstr("+hello\n"));
  EXPECT_THAT(answer.out, HasSubstr("--- a/workspaces/app/old\n+++ /dev/null\n"));
  EXPECT_THAT(answer.out, HasSubstr("-bye\n"));
}

TEST_F(DiffTest, NamesBinaryContentsBySizeAndDigest) {
  change("/workspaces/app/x.png", "modified", std::string("a\0b", 3), "text\n");
  const Answer answer = run();
  EXPECT_THAT(answer.out, HasSubstr("Binary file changed: 3 bytes, sha256 " +
                                    to_hex(digest_of(std::string("a\0b", 3))) + " -> 5 bytes"));
}

TEST_F(DiffTest, TellsModesAndNotes) {
  mode_ = 0100755;
  change("/workspaces/app/run.sh", "mode", "x\n", "x\n");
  change("/workspaces/app/big", "modified", "x\n", "y\n", "larger than 64 MiB");
  keep_ = false;
  const Answer answer = run();
  EXPECT_THAT(answer.out, HasSubstr("# mode /workspaces/app/run.sh\n# mode 100644 -> 100755\n"));
  EXPECT_THAT(answer.out, HasSubstr("# note: larger than 64 MiB\n"));
  EXPECT_THAT(answer.out, HasSubstr("# contents not shown: not kept in the record"));
}

TEST_F(DiffTest, IsLimitedToAFileOrFolder) {
  change("/workspaces/app/web/a.c", "added", "", "in a\n");
  change("/workspaces/app/webs", "added", "", "in webs\n");
  for (const char* path : {"app/web", "/workspaces/app/web/", "app/web/a.c"}) {
    const Answer answer = run(path);
    EXPECT_THAT(answer.out, HasSubstr("+in a"));
    EXPECT_THAT(answer.out, Not(HasSubstr("webs"))) << path;
  }
  EXPECT_EQ(run("app/nothing").code, 2);
}

TEST_F(DiffTest, EscapesHostileNamesAndContents) {
  change("/workspaces/app/\x1b[2J\n+fake", "modified", "a\n",
         "b\x1b]52;c;aGk=\x07\xc2\x9b\xe2\x80\xae\n");
  const Answer answer = run();
  EXPECT_THAT(answer.out, Not(HasSubstr("\x1b")));
  EXPECT_THAT(answer.out, Not(HasSubstr("\xc2\x9b")));
  EXPECT_THAT(answer.out, HasSubstr("--- a/workspaces/app/\\x1b[2J\\x0a+fake\n"));
  EXPECT_THAT(answer.out, HasSubstr("+b\\x1b]52;c;aGk=\\x07\\u{009b}\\u{202e}\n"));
}

TEST_F(DiffTest, DoesNotTakeAnotherContentForTheRecordedOne) {
  change("/workspaces/app/a.c", "added", "", "honest\n");
  keep_ = false;
  const ReviewRecord record(script_.end());
  record.record().put("blobs/" + to_hex(digest_of("honest\n")), "forged\n");
  const Answer answer =
      answer_of([&](Output output) { return diff(record.subject(), "", Colour::kNo, output); });
  EXPECT_THAT(answer.out, Not(HasSubstr("forged")));
  EXPECT_THAT(answer.out, HasSubstr("not the recorded one"));
}

TEST_F(DiffTest, ColoursOnlyWhenAsked) {
  change("/workspaces/app/a.c", "modified", "a\n", "--- b\n");
  const Answer answer = run("", Colour::kYes);
  EXPECT_THAT(answer.out, HasSubstr("\x1b[31m-a\x1b[0m\n\x1b[32m+--- b\x1b[0m\n"));
}

TEST_F(DiffTest, SaysWhenThereIsNothingOrNothingYet) {
  EXPECT_THAT(run().err, HasSubstr("no file changed"));
  ReviewRecord live(Script(), ReviewRecord::Ending::kBroken);
  live.subject().row.set_state("running");
  const Answer answer =
      answer_of([&](Output output) { return diff(live.subject(), "", Colour::kNo, output); });
  EXPECT_THAT(answer.err, HasSubstr("still running"));
  EXPECT_EQ(answer.code, 0);
}

TEST(IsBinary, KnowsTextOfManyKinds) {
  EXPECT_FALSE(is_binary(""));
  EXPECT_FALSE(is_binary("int main() {}\r\n\t\f"));
  EXPECT_FALSE(is_binary("caf\xe9 au lait\n"));  // Latin-1
  EXPECT_FALSE(is_binary("one \x1b[31mred\x1b[m word in a long line of text\n"));
  EXPECT_TRUE(is_binary(std::string("\x7f\x45LF\0", 5)));
  EXPECT_TRUE(is_binary("\x89\x90\xff\xfe\x01\x02"));
}

}  // namespace
}  // namespace carrel::review
