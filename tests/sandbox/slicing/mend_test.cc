// What a contractor did to git's settings is mended at the next opening, in a jail.

#include <gmock/gmock.h>

#include <filesystem>

#include "tests/sandbox/slicing/overlay.h"

namespace carrel::service {
namespace {

using ::testing::HasSubstr;

class Mend : public SliceOverlay {
 protected:
  void SetUp() override {
    SliceOverlay::SetUp();
    bind_entries();
  }
  /// As the launcher: between two sessions, on the overlay without its binds.
  bool mend() {
    const UniqueFd place(open((folder_ / "ws").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    return mend_git(facts_, job(), sliced_->folder.get(),
                    must(kernel::clone_tree(place.get(), kernel::Tree::kOne)), &failure_)
        .ok();
  }
  /// A branch on which the entry has another content.
  void make_update() {
    must_run(
        "export GIT_INDEX_FILE=$HOME/index\n"
        "git read-tree main\n"
        "blob=$(echo 'int new;' | git hash-object -w --stdin)\n"
        "git update-index --add --cacheinfo 100644,$blob,vendor/lib/v1.h\n"
        "git update-ref refs/heads/update $(git commit-tree -p main -m update $(git write-tree))");
  }
};

TEST_F(Mend, DoesNothingWhereAllIsWell) {
  must_run("git config user.email x@y; echo x >> src/deep/s1.c; git commit -q -a -m x");
  reopen();
  ASSERT_TRUE(mend()) << failure_.text;  // puts our lines behind the new ones
  const std::string before = must_run("ls -l --time-style=full-iso -i .git .git/info");
  reopen();
  ASSERT_TRUE(mend()) << failure_.text;
  EXPECT_EQ(must_run("ls -l --time-style=full-iso -i .git .git/info"), before);
  bind_entries();
  expect_clean("mending");
}

TEST_F(Mend, UndoesADisabledSparseCheckout) {
  make_update();
  must_run("git config alias.st status; git sparse-checkout disable");
  EXPECT_EQ(must_run("git ls-files -t vendor/lib/v1.h"), "H vendor/lib/v1.h\n");
  // Positive control: without mending, opening it again does not help.
  reopen();
  bind_entries();
  EXPECT_THAT(as_contractor("git merge -q update").said, HasSubstr("unable to unlink old"));
  must_run("git reset -q --hard");
  reopen();
  ASSERT_TRUE(mend()) << failure_.text;
  bind_entries();
  expect_clean("mending");
  EXPECT_EQ(must_run("git ls-files -t vendor/lib/v1.h docs/SPEC.md docs/notes.md"),
            "S docs/SPEC.md\nH docs/notes.md\nS vendor/lib/v1.h\n");
  EXPECT_EQ(must_run("git config alias.st"), "status\n");
  expect_works("git merge -q update");
  EXPECT_EQ(must_run("git show HEAD:vendor/lib/v1.h"), "int new;\n");
  EXPECT_EQ(must_run("stat -c '%u %a' .git/config .git/index"),
            owner_id() + " 644\n" + owner_id() + " 644\n");
}

TEST_F(Mend, PutsBackSettingsAndPatternsThatAreGone) {
  must_run("rm .git/config; rm -r .git/info; mkdir .git/info; echo '*.log' > .git/info/exclude");
  reopen();
  ASSERT_TRUE(mend()) << failure_.text;
  bind_entries();
  expect_clean("mending");
  EXPECT_EQ(must_run("git config --get core.sparseCheckout"), "true\n");
  EXPECT_EQ(must_run("head -1 .git/info/exclude"), "*.log\n");
  EXPECT_EQ(must_run("cat .git/info/sparse-checkout"),
            "/*\n!/docs/SPEC.md\n!/odd.txt\n!/vendor/\n");
}

TEST_F(Mend, SaysWhatItCannotAndMendsTheRest) {
  must_run(
      "git sparse-checkout disable; rm .git/config; mkfifo .git/config; rm -r .git/info; "
      "ln -s ../src .git/info; echo bad > .git/carrel-mend.new");
  reopen();
  EXPECT_FALSE(mend());
  EXPECT_EQ(failure_.code, 121);
  EXPECT_THAT(failure_.text, HasSubstr(".git/config: not a regular file"));
  EXPECT_THAT(failure_.text, HasSubstr(".git/info: open it: ENOTDIR"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "ws/src/exclude")) << "a link was followed";
  EXPECT_FALSE(std::filesystem::exists(folder_ / "ws/.git/carrel-mend.new"));
  must_run("rm .git/config; echo '[core]' > .git/config");
  EXPECT_EQ(must_run("git ls-files -t vendor/lib/v1.h"), "S vendor/lib/v1.h\n");
}

TEST_F(Mend, LeavesAloneWhatIsNotInTheTree) {
  must_run("mv .git git; ln -s git .git");
  reopen();
  EXPECT_FALSE(mend());
  EXPECT_EQ(failure_.code, 121);
  EXPECT_THAT(failure_.text, HasSubstr(".git: open it: "));
}

}  // namespace
}  // namespace carrel::service
