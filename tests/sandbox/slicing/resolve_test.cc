// What the launcher asks carrel-slicer before there is a slice.

#include <gmock/gmock.h>

#include "launcher/service/folders.h"
#include "tests/sandbox/slicing/jail.h"

namespace carrel::service {
namespace {

class Resolve : public SlicerJail {
 protected:
  void SetUp() override {
    SlicerJail::SetUp();
    put("src/a", "a\n");
    commit_source();
    repository_.write = entries({"src"});
  }
};

TEST_F(Resolve, SaysTheCommitThatTheSliceThenShows) {
  const Result<std::string> commit = resolve_commit(facts_, job(), &failure_);
  ASSERT_TRUE(commit.ok()) << failure_.text;
  EXPECT_EQ(commit.value() + "\n", shell("git -C source rev-parse main"));
  ASSERT_TRUE(slice()) << failure_.text;
  const SlicedRepository sliced = must(open_sliced("app", std::move(output_)));
  EXPECT_EQ(sliced.head.source, commit.value());
  // The ref moves, and so does the answer.
  put("src/a", "b\n");
  commit_source();
  const Result<std::string> later = resolve_commit(facts_, job(), &failure_);
  ASSERT_TRUE(later.ok()) << failure_.text;
  EXPECT_EQ(later.value() + "\n", shell("git -C source rev-parse main"));
  EXPECT_NE(later.value(), commit.value());
}

TEST_F(Resolve, RefusesWhatASliceCannotBeTakenFrom) {
  repository_.ref = "nope";
  EXPECT_FALSE(resolve_commit(facts_, job(), &failure_).ok());
  EXPECT_EQ(failure_.code, 121);
  EXPECT_THAT(failure_.text, ::testing::HasSubstr("is not there"));
}

}  // namespace
}  // namespace carrel::service
