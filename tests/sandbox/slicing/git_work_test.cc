// Real git over a slice in an overlay with read-only binds: what works, what is refused and how it
// is said, and that it is the slicer's settings which make it work.

#include <gmock/gmock.h>
#include <sys/inotify.h>

#include <array>
#include <map>

#include "tests/sandbox/slicing/overlay.h"

namespace carrel::service {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class GitWork : public SliceOverlay {
 protected:
  void SetUp() override {
    SliceOverlay::SetUp();
    bind_entries();
  }
  /// Branches that a fetch could have brought: "bare" has no vendor/, "update" has other files
  /// there.
  void make_branches() {
    must_run(
        "export GIT_INDEX_FILE=$HOME/index\n"
        "git read-tree main\n"
        "git rm -q -r --cached --sparse vendor\n"
        "git update-ref refs/heads/bare $(git commit-tree -p main -m bare $(git write-tree))\n"
        "git read-tree main\n"
        "blob=$(echo 'int new;' | git hash-object -w --stdin)\n"
        "git update-index --add --cacheinfo 100644,$blob,vendor/lib/v1.h\n"
        "git update-index --add --cacheinfo 100644,$blob,vendor/lib/added.h\n"
        "git update-ref refs/heads/update $(git commit-tree -p main -m update $(git write-tree))\n"
        "rm $HOME/index");
  }
};

TEST_F(GitWork, StartsCleanAndReadOnly) {
  expect_clean("opening");
  EXPECT_EQ(must_run("cat vendor/lib/v1.h docs/SPEC.md odd.txt"), "int v1;\nspec\nodd\n");
  EXPECT_THAT(as_contractor("echo x > vendor/lib/v1.h").said, HasSubstr("Read-only file system"));
  EXPECT_THAT(as_contractor("rmdir vendor").said, HasSubstr("Device or resource busy"));
}

TEST_F(GitWork, GoesOnAsEver) {
  make_branches();
  expect_works(
      "echo 'int a;' >> src/deep/s1.c; echo new > src/new.c; git add -A; git commit -q -m one");
  EXPECT_EQ(must_run("git diff --name-only HEAD~1"), "src/deep/s1.c\nsrc/new.c\n");
  expect_works("echo 'int b;' >> src/deep/s1.c; git commit -q -a --amend -m two");
  expect_works("echo x >> src/deep/s2.c; git stash -q");
  must_run("git stash pop -q");
  EXPECT_EQ(must_run("git status --porcelain"), " M src/deep/s2.c\n");
  expect_works("echo u > untracked; git stash -q -u");
  must_run("git stash pop -q");
  EXPECT_EQ(must_run("git status --porcelain"), " M src/deep/s2.c\n?? untracked\n");
  expect_works("git reset -q --hard; git clean -q -fd");
}

TEST_F(GitWork, CleansAndMovesFolders) {
  expect_works("touch a src/b; mkdir d; touch d/e; git clean -q -fdx");
  EXPECT_EQ(must_run("cat docs/SPEC.md vendor/lib/v1.h"), "spec\nint v1;\n");
  expect_works("git mv src/deep src/deeper; git commit -q -m moved");
  EXPECT_EQ(must_run("git log -1 --name-status --format= -M | head -1"),
            "R100\tsrc/deep/s0.c\tsrc/deeper/s0.c\n");
  expect_works("git mv src source; git commit -q -m again");
  expect_works("git add -A");
  expect_works("git rm -q -r source/deeper; git commit -q -m gone");
  expect_works("git revert --no-edit HEAD");
  EXPECT_EQ(must_run("git fsck --strict"), "");
}

TEST_F(GitWork, SwitchesToABranchWithoutTheEntryAndBack) {
  make_branches();
  expect_works("git switch -q bare");
  EXPECT_EQ(must_run("git ls-files vendor"), "");
  // It is still there, untracked and excluded.
  EXPECT_EQ(must_run("cat vendor/lib/v1.h"), "int v1;\n");
  expect_works("git add -A");
  expect_works(
      "echo x > src/x.c; git stash -q -u; git stash pop -q; git add -A; git commit -q -m x");
  const Ran clean = as_contractor("git clean -fdx");
  EXPECT_EQ(clean.code, 1);
  EXPECT_THAT(clean.said, HasSubstr("Read-only file system"));
  EXPECT_EQ(must_run("cat vendor/lib/v1.h"), "int v1;\n");
  expect_works("git switch -q main");
  EXPECT_EQ(must_run("git ls-files -t vendor/lib/v1.h"), "S vendor/lib/v1.h\n");
}

TEST_F(GitWork, MergesAndRebasesOverAnEntryThatChanged) {
  make_branches();
  expect_works("echo 'int mine;' >> src/deep/s3.c; git commit -q -a -m mine");
  expect_works("git switch -q -c merged; git merge -q -m merge update");
  EXPECT_EQ(must_run("git show HEAD:vendor/lib/v1.h"), "int new;\n");
  expect_works("git switch -q main; git rebase -q update");
  EXPECT_EQ(must_run("git log --format=%s"),
            "mine\nupdate\nSlice of app at " + sliced_->head.source.substr(0, 12) + "\n");
  expect_works("git cherry-pick merged~1 || git cherry-pick --skip");
  expect_works("git reset -q --hard bare; git rebase -q main");
}

TEST_F(GitWork, SaysWhatItCannotDo) {
  for (const char* command : {"git add vendor/lib/v1.h", "git rm -q vendor/lib/v1.h",
                              "git mv vendor/lib/v1.h src/v1.h", "git mv vendor src/vendor"}) {
    const Ran ran = as_contractor(command);
    EXPECT_EQ(ran.code, 1) << command;
    EXPECT_THAT(ran.said, HasSubstr("outside of your sparse-checkout definition")) << command;
    expect_clean(command);
  }
  for (const char* command : {"git checkout -- vendor/lib/v1.h", "git restore docs/SPEC.md"}) {
    const Ran ran = as_contractor(command);
    EXPECT_EQ(ran.code, 1) << command;
    EXPECT_THAT(ran.said, HasSubstr("did not match any file(s) known to git")) << command;
  }
}

TEST_F(GitWork, StopsAtAConflictInsideAnEntryWithoutHarm) {
  make_branches();
  must_run(
      "export GIT_INDEX_FILE=$HOME/index\n"
      "git read-tree main\n"
      "blob=$(echo 'int other;' | git hash-object -w --stdin)\n"
      "git update-index --add --cacheinfo 100644,$blob,vendor/lib/v1.h\n"
      "git update-ref refs/heads/other $(git commit-tree -p main -m other $(git write-tree))");
  expect_works("git switch -q other");
  const Ran merge = as_contractor("git merge update");
  EXPECT_EQ(merge.code, 2);
  EXPECT_THAT(merge.said,
              HasSubstr("unable to unlink old 'vendor/lib/v1.h': Read-only file system"));
  EXPECT_THAT(merge.said, HasSubstr("Merge with strategy ort failed"));
  expect_clean("the merge");
  EXPECT_NE(as_contractor("git rev-parse -q --verify MERGE_HEAD").code, 0);
}

// Positive control: the settings are what makes it work.
TEST_F(GitWork, NeedsSparseCheckout) {
  make_branches();
  const Ran merge = as_contractor("git -c core.sparseCheckout=false merge update");
  EXPECT_EQ(merge.code, 1);
  EXPECT_THAT(merge.said,
              HasSubstr("unable to unlink old 'vendor/lib/v1.h': Read-only file system"));
  const Ran to_bare = as_contractor("git -c core.sparseCheckout=false switch bare");
  EXPECT_THAT(to_bare.said, HasSubstr("unable to unlink 'vendor/lib/v1.h': Read-only file system"));
  const Ran back = as_contractor("git -c core.sparseCheckout=false switch main");
  EXPECT_THAT(back.said, HasSubstr("M\tvendor/lib/v1.h"));
}

TEST_F(GitWork, NeedsExclude) {
  make_branches();
  must_run("rm .git/info/exclude; git switch -q bare");
  EXPECT_THAT(must_run("git status --porcelain"), HasSubstr("?? vendor/"));
}

/// The files that processes open below one folder, by path, while it lives.
class Opens {
 public:
  explicit Opens(const std::string& folder) : fd_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
    CHECK(fd_.valid());
    watch(folder);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      if (entry.is_directory()) watch(entry.path());
    }
  }
  /// Since the last call; folders are not counted.
  std::map<std::string, int> take() {
    std::map<std::string, int> opened;
    alignas(inotify_event) std::array<char, 65536> bytes{};
    for (;;) {
      const ssize_t got = read(fd_.get(), bytes.data(), bytes.size());
      if (got <= 0) return opened;
      for (ssize_t at = 0; at < got;) {
        const auto* event = reinterpret_cast<const inotify_event*>(bytes.data() + at);
        EXPECT_EQ(event->mask & IN_Q_OVERFLOW, 0U);
        if ((event->mask & IN_ISDIR) == 0) ++opened[folders_[event->wd] + "/" + event->name];
        at += static_cast<ssize_t>(sizeof *event + event->len);
      }
    }
  }

 private:
  void watch(const std::string& folder) {
    const int watch = inotify_add_watch(fd_.get(), folder.c_str(), IN_OPEN);
    CHECK(watch >= 0);
    folders_[watch] = folder;
  }
  UniqueFd fd_;
  std::map<int, std::string> folders_;
};

TEST_F(GitWork, FirstStatusOpensNoTrackedFile) {
  Opens opens(folder_ / "ws");
  const auto tracked = [this](const std::map<std::string, int>& opened) {
    int count = 0;
    for (const auto& [path, times] : opened)
      count += path.find("/.git/") == std::string::npos ? times : 0;
    return count;
  };
  const auto inode_of_index = [this] {
    struct stat what {};
    EXPECT_EQ(stat((folder_ / "ws/.git/index").c_str(), &what), 0);
    return what.st_ino;
  };
  const ino_t index = inode_of_index();
  expect_clean("opening");
  const auto first = opens.take();
  EXPECT_EQ(first.count(folder_ / "ws/.git/index"), 1U) << "nothing is seen at all";
  EXPECT_EQ(tracked(first), 0);
  must_run("git diff --quiet; git add -A");
  EXPECT_EQ(tracked(opens.take()), 0);
  // The index is still the slice's: nothing had to be written.
  EXPECT_EQ(inode_of_index(), index);
  // Positive control: with all of stat compared, every file is read.
  must_run("git -c core.checkStat=default status --porcelain");
  EXPECT_EQ(tracked(opens.take()), 21);
}

}  // namespace
}  // namespace carrel::service
