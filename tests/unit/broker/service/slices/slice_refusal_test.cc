// What is refused, with which exit code, and that one sentence says why.

#include <gmock/gmock.h>

#include "broker/service/slices/exposure.h"
#include "tests/unit/broker/service/slices/slicing.h"

namespace carrel::slices {
namespace {

class SliceRefusal : public Slicing {
 protected:
  void SetUp() override {
    Slicing::SetUp();
    put("src/a", "a\n");
    put("file", "f\n");
    commit();
  }
  void expect(const Ran& ran, int code, const std::string& part) {
    EXPECT_EQ(ran.code, code) << ran.err;
    EXPECT_EQ(ran.out, "");
    EXPECT_THAT(ran.err, ::testing::HasSubstr(part));
    EXPECT_THAT(ran.err, ::testing::StartsWith("carrel-slicer: "));
    EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
    EXPECT_FALSE(std::filesystem::exists(output_ + "/manifest"));
  }
  /// A commit of one file by git's plumbing, which checks less than `git add`.
  void commit_path(const std::string& tree_lines) {
    std::ofstream(folder_ / "lines", std::ios::binary) << tree_lines;
    const std::string tree =
        source_git("hash-object -t tree -w --literally " + word(folder_ / "lines"));
    source_git("update-ref refs/heads/odd $(git -C " + word(source_) + " commit-tree -m odd " +
               tree + ")");
  }
  std::string raw_entry(const std::string& mode, const std::string& name, const std::string& hex) {
    std::string out = mode + " " + name + std::string(1, '\0');
    for (size_t i = 0; i < hex.size(); i += 2) {
      out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    }
    return out;
  }
};

TEST_F(SliceRefusal, OfARefThatIsNotThere) {
  expect(slice("--write src", "nope"), 2, "ref \"nope\" of \"app\" is not there");
  expect(slice("--write src", "bad..ref"), 2, "is not there");
  expect(slice("--write src", std::string(40, '1')), 2, "is not there");
  expect(slice("--write src", source_git("rev-parse main:file")), 2, "names no commit");
}

TEST_F(SliceRefusal, OfARepositoryWithoutCommits) {
  ASSERT_EQ(run("git init -q " + word(folder_ / "new")).code, 0);
  source_ = folder_ / "new";
  expect(slice("--write src", "HEAD"), 2, "is not there");
}

TEST_F(SliceRefusal, OfAnEntryThatIsNotThere) {
  expect(slice("--write src --read nowhere/x"), 2,
         "entry \"nowhere/x\" of \"app\" does not exist at ref \"main\"");
  expect(slice("--write file/x"), 2, "entry \"file/x\"");
  // A never entry need not exist, nor what it hides.
  EXPECT_EQ(slice("--write src --never gone --read gone/x").code, 0);
}

TEST_F(SliceRefusal, OfAnEntryThatIsASubmodule) {
  source_git("update-index --add --cacheinfo 160000," + source_git("rev-parse HEAD") + ",module");
  source_git("commit -q -m module");
  expect(slice("--read module"), 2, "is a submodule");
}

TEST_F(SliceRefusal, OfWhatIsNoRepository) {
  const std::string repository = source_;
  source_ = folder_ / "absent";
  expect(slice("--write src"), 2, "is not there");
  source_ = folder_ / "home";
  std::filesystem::create_directory(source_);
  expect(slice("--write src"), 2, "no git repository");
  source_ = repository + "/file";
  expect(slice("--write src"), 2, "is no folder");
}

TEST_F(SliceRefusal, OfALinkedWorktree) {
  source_git("worktree add -q " + word(folder_ / "linked") + " -b other");
  const std::string inner = source_ + "/.git/worktrees/linked";
  source_ = folder_ / "linked";
  expect(slice("--write src"), 2, "has a .git file");
  source_ = inner;
  expect(slice("--write src"), 2, "is the folder of a linked worktree");
}

TEST_F(SliceRefusal, OfBorrowedObjects) {
  const std::string shared = folder_ / "shared";
  ASSERT_EQ(run("git clone -q --shared " + word(source_) + " " + word(shared)).code, 0);
  source_ = shared;
  expect(slice("--write src"), 2, "objects/info/alternates");
}

TEST_F(SliceRefusal, OfSha256) {
  const std::string other = folder_ / "sha256";
  ASSERT_EQ(run("git init -q --object-format=sha256 -b main " + word(other)).code, 0);
  source_ = other;
  put("src/a", "a\n");
  commit();
  expect(slice("--write src"), 2, "SHA-256 objects, which are not supported yet");
}

TEST_F(SliceRefusal, OfUsage) {
  expect(slice("--color always"), 1, "unknown argument");
  expect(slice("--write ../x"), 1, "\"..\" component");
  expect(slice("--write .GIT/config"), 1, "names .git");
  expect(slice("--write"), 1, "value missing");
  expect(slice("--name Bad"), 1, "no repository is called");
}

TEST_F(SliceRefusal, OfAnOutputFolderWithSomethingInIt) {
  const std::string command = "--write src --output " + word(source_ + "/src");
  expect(slice(command), 1, "is not empty");
}

TEST_F(SliceRefusal, OfNamesThatGitOrAFileSystemMisunderstands) {
  const std::string blob = source_git("rev-parse main:file");
  for (const char* name :
       {".git", ".GIT", ".git ", ".git.", "git~1", ".git::$INDEX", "..", ".", "a/b"}) {
    const std::string folder = raw_entry("100644", name, blob);
    std::ofstream(folder_ / "folder", std::ios::binary) << folder;
    const std::string id =
        source_git("hash-object -t tree -w --literally " + word(folder_ / "folder"));
    commit_path(raw_entry("40000", "src", id));
    expect(slice("--write src", "odd"), 1, "take it out of the commit");
  }
  // Twice the same name.
  commit_path(raw_entry("40000", "src", source_git("rev-parse main:src")) +
              raw_entry("40000", "src", source_git("rev-parse main:src")));
  expect(slice("--write src", "odd"), 1, "twice in one commit");
}

TEST_F(SliceRefusal, OfALinkThatNoFileSystemTakes) {
  std::ofstream(folder_ / "target", std::ios::binary) << std::string("a\0b", 3);
  const std::string blob = source_git("hash-object -w " + word(folder_ / "target"));
  commit_path(raw_entry("120000", "src", blob));
  expect(slice("--write src", "odd"), 1, "has a target that no file system takes");
}

TEST_F(SliceRefusal, OfADamagedObject) {
  const std::string blob = source_git("rev-parse main:src/a");
  const std::string file = source_ + "/.git/objects/" + blob.substr(0, 2) + "/" + blob.substr(2);
  std::filesystem::remove(file);
  expect(slice("--write src"), 1, "\"src/a\" cannot be put into the slice");
}

TEST(GitFolderName, IsKnownInItsSpellings) {
  for (const char* name : {".git", ".Git", "GIT~1", ".git . ", ".git:x", ".git\\x"}) {
    EXPECT_TRUE(is_git_folder_name(name)) << name;
  }
  for (const char* name : {".gitignore", "git", ".gi", ".git-x", "git~2", "a.git", ""}) {
    EXPECT_FALSE(is_git_folder_name(name)) << name;
  }
}

}  // namespace
}  // namespace carrel::slices
