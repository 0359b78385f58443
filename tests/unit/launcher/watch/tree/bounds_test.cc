// Trees made to exhaust whoever looks at them: bounded, and never bounded in silence.

#include <sys/resource.h>

#include "tests/unit/launcher/watch/tree/sample_tree.h"

namespace carrel::tree {
namespace {

using ::carrel::tests::SampleTree;
using ::carrel::tests::sha;
using ::carrel::tests::write_file;
using Lines = std::vector<std::string>;

/// Makes `levels` folders within folders and a file at the bottom, beyond any path's length.
void make_deep(const std::string& top, int levels, const std::string& name) {
  mkdir(top.c_str(), 0755);
  UniqueFd at(open(top.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int i = 0; i < levels; ++i) {
    ASSERT_EQ(mkdirat(at.get(), name.c_str(), 0755), 0);
    at.reset(openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  const UniqueFd file(openat(at.get(), "bottom", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
  ASSERT_TRUE(file.valid());
}

std::string repeated(const std::string& piece, int times) {
  std::string out;
  for (int i = 0; i < times; ++i)
    out += piece;
  return out;
}

TEST(TreeDifference, StopsAtTheDepthLimitAndSaysWhere) {
  SampleTree tree;
  make_deep(tree / "d", 3, "d");
  EXPECT_EQ(tree.lines({.max_depth = 4}), Lines{"added /workspaces/w/d/d/d/d/bottom"});
  EXPECT_EQ(tree.lines({.max_depth = 3}),
            Lines{"added /workspaces/w/d/d/d/d (not looked at: too deep)"});
}

TEST(TreeDifference, SurvivesFoldersDeeperThanAnyPath) {
  SampleTree tree;
  const std::string name = "twelve-bytes";
  make_deep(tree / "d", 400, name);
  EXPECT_EQ(tree.lines(), Lines{"added /workspaces/w/d" + repeated("/" + name, 256) +
                                " (not looked at: too deep)"});
}

TEST(TreeDifference, StopsAtPathsThatAreTooLong) {
  SampleTree tree;
  const std::string name(250, 'n');
  make_deep(tree / "d", 40, name);
  EXPECT_EQ(tree.lines(), Lines{"added /workspaces/w/d" + repeated("/" + name, 17) +
                                " (not looked at: path too long)"});
}

TEST(TreeDifference, ComparesHandedOutFilesWhateverElseIsThere) {
  SampleTree tree;
  tree.hand_out("zz-last", "before");
  write_file(tree / "zz-last", "after");
  for (int i = 0; i < 50; ++i)
    write_file(tree / ("junk" + std::to_string(i)), "");
  const Lines found = tree.lines({.max_entries = 10});
  ASSERT_EQ(found.size(), 12U);
  EXPECT_EQ(found.front(), "modified /workspaces/w (not looked at: more than 10 files)");
  EXPECT_EQ(found.back(), "modified /workspaces/w/zz-last");
}

TEST(TreeDifference, CountsOnlyWhatTheManifestDoesNotName) {
  SampleTree tree;
  for (int i = 0; i < 20; ++i)
    tree.hand_out("f" + std::to_string(i), "x");
  EXPECT_EQ(tree.lines({.max_entries = 0}), Lines{});
}

TEST(TreeDifference, SaysWhenThereAreTooManyChanges) {
  SampleTree tree;
  for (int i = 0; i < 5; ++i)
    write_file(tree / ("f" + std::to_string(i)), "x");
  EXPECT_EQ(tree.lines({.max_changes = 5}).size(), 5U);
  const Lines found = tree.lines({.max_changes = 4});
  ASSERT_EQ(found.size(), 5U);
  EXPECT_EQ(found[0], "modified /workspaces/w (not looked at: more than 4 changes)");
}

TEST(TreeDifference, LeavesContentsOutBeyondTheirTotal) {
  SampleTree tree;
  tree.hand_out("a", "12345");
  write_file(tree / "a", "123456");
  write_file(tree / "b", "1");
  write_file(tree / "c", "1");
  EXPECT_EQ(tree.lines({.max_content_total = 7}),
            (Lines{"modified /workspaces/w/a (contents left out: too much changed)",
                   "added /workspaces/w/b", "added /workspaces/w/c"}));
  EXPECT_EQ(tree.kept().size(), 2U);
}

TEST(TreeDifference, NamesLargeFilesWithoutReadingThem) {
  SampleTree tree;
  tree.hand_out("was-small", "small");
  for (const char* name : {"was-small", "sparse"}) {
    const UniqueFd fd(open((tree / name).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    ASSERT_EQ(ftruncate(fd.get(), off_t{1} << 40), 0);
  }
  const auto changes = tree.difference();
  ASSERT_EQ(changes.size(), 2U);
  const events::FileChanged sparse{
      "/workspaces/w/sparse", "added", "", "", 0, uint64_t{1} << 40, 0, 0100644,
      "larger than 64 MiB"};
  EXPECT_EQ(changes[0], sparse);
  EXPECT_EQ(changes[1].change, "modified");
  EXPECT_EQ(changes[1].note, "larger than 64 MiB");
  EXPECT_EQ(changes[1].after_sha256, "");
  EXPECT_EQ(tree.kept().at(sha("small")), "small");
}

TEST(TreeDifference, ComparesLargeFilesThatWereHandedOut) {
  SampleTree tree;
  const std::string large(kMaxContent + 1, '\0');
  tree.hand_out("large", large);
  EXPECT_EQ(tree.lines(), Lines{});
  chmod((tree / "large").c_str(), 0755);
  auto changes = tree.difference();
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].change, "mode");
  EXPECT_EQ(changes[0].after_sha256, changes[0].before_sha256);
  const UniqueFd fd(open((tree / "large").c_str(), O_WRONLY | O_CLOEXEC));
  ASSERT_EQ(pwrite(fd.get(), "x", 1, 1000), 1);
  changes = tree.difference();
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].change, "modified");
  EXPECT_EQ(changes[0].before_sha256, sha(large));
  EXPECT_EQ(changes[0].after_sha256, "");
  EXPECT_EQ(changes[0].note, "larger than 64 MiB");
  EXPECT_TRUE(tree.kept().empty());
}

TEST(TreeDifference, SaysWhenDescriptorsRunOut) {
  SampleTree tree;
  make_deep(tree / "d", 100, "d");
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit few = before;
  few.rlim_cur = 40;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  const Lines found = tree.lines();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found[0].ends_with("/d (not readable)")) << found[0];
}

}  // namespace
}  // namespace carrel::tree
