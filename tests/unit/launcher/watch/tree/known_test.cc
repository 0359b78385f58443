// What became of the files that were handed out.

#include <sys/mman.h>

#include <filesystem>

#include "tests/unit/launcher/watch/tree/sample_tree.h"

namespace carrel::tree {
namespace {

using ::carrel::tests::modes_bind;
using ::carrel::tests::SampleTree;
using ::carrel::tests::sha;
using ::carrel::tests::write_file;
using Lines = std::vector<std::string>;

TEST(TreeDifference, SaysNothingOfAnUntouchedTree) {
  SampleTree tree;
  mkdir((tree / "src").c_str(), 0755);
  mkdir((tree / "src-b").c_str(), 0755);
  tree.hand_out("src/a.c", "int a;\n");
  tree.hand_out("src-b/b.c", "int b;\n");
  tree.hand_out("run", "#!/bin/sh\n", 0755);
  tree.hand_out("empty", "");
  tree.hand_out_link("link", "src/a.c");
  tree.hand_out_read_only("lib", true);
  tree.hand_out_read_only("one.h", false);
  mkdir((tree / "a new empty folder").c_str(), 0755);
  write_file(tree / ".git/config", "the contractor's own");
  EXPECT_EQ(tree.lines(), Lines{});
  EXPECT_TRUE(tree.kept().empty());
}

TEST(TreeDifference, GivesBothSidesOfAModifiedFile) {
  SampleTree tree;
  tree.hand_out("a", "before\n");
  write_file(tree / "a", "after, longer\n");
  const auto changes = tree.difference();
  ASSERT_EQ(changes.size(), 1U);
  const events::FileChanged expected{
      "/workspaces/w/a", "modified", sha("before\n"), sha("after, longer\n"), 7, 14, 0100644,
      0100644,           ""};
  EXPECT_EQ(changes[0], expected);
  EXPECT_EQ(tree.kept().at(sha("before\n")), "before\n");
  EXPECT_EQ(tree.kept().at(sha("after, longer\n")), "after, longer\n");
}

TEST(TreeDifference, SeesASameSizeChangeWhoseTimesWereSetBack) {
  SampleTree tree;
  tree.hand_out("a", "AAAA");
  struct stat before {};
  ASSERT_EQ(stat((tree / "a").c_str(), &before), 0);
  write_file(tree / "a", "BBBB");
  const timespec times[2] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(utimensat(AT_FDCWD, (tree / "a").c_str(), times, 0), 0);
  EXPECT_EQ(tree.lines(), Lines{"modified /workspaces/w/a"});
}

TEST(TreeDifference, SeesAWriteThroughASharedMapping) {
  SampleTree tree;
  tree.hand_out("a", std::string(8192, 'a'));
  const UniqueFd fd(open((tree / "a").c_str(), O_RDWR | O_CLOEXEC));
  void* mapped = mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  ASSERT_NE(mapped, MAP_FAILED);
  static_cast<char*>(mapped)[5000] = 'b';
  munmap(mapped, 8192);
  EXPECT_EQ(tree.lines(), Lines{"modified /workspaces/w/a"});
}

TEST(TreeDifference, TreatsBinaryContentsLikeText) {
  SampleTree tree;
  const std::string before("\0\1\2\xff", 4);
  const std::string after("\0\1\3\xff\n\0", 6);
  tree.hand_out("a.bin", before);
  write_file(tree / "a.bin", after);
  EXPECT_EQ(tree.lines(), Lines{"modified /workspaces/w/a.bin"});
  EXPECT_EQ(tree.kept().at(sha(before)), before);
  EXPECT_EQ(tree.kept().at(sha(after)), after);
}

TEST(TreeDifference, ReportsEachDeletedFile) {
  SampleTree tree;
  mkdir((tree / "src").c_str(), 0755);
  tree.hand_out("src/a", "a");
  tree.hand_out("src/b", "b");
  tree.hand_out("top", "t");
  std::filesystem::remove_all(tree / "src");
  unlink((tree / "top").c_str());
  const auto changes = tree.difference();
  ASSERT_EQ(changes.size(), 3U);
  const events::FileChanged expected{
      "/workspaces/w/src/a", "deleted", sha("a"), "", 1, 0, 0100644, 0, ""};
  EXPECT_EQ(changes[0], expected);
  EXPECT_EQ(changes[1].path, "/workspaces/w/src/b");
  EXPECT_EQ(changes[2].path, "/workspaces/w/top");
  EXPECT_EQ(tree.kept().size(), 3U);
}

TEST(TreeDifference, ComparesOnlyTheExecutableBitOfModes) {
  SampleTree tree;
  tree.hand_out("plain", "p");
  tree.hand_out("run", "r", 0755);
  tree.hand_out("private", "s");
  chmod((tree / "plain").c_str(), 0755);
  chmod((tree / "run").c_str(), 0644);
  chmod((tree / "private").c_str(), 0600);
  const auto changes = tree.difference();
  ASSERT_EQ(changes.size(), 2U);
  const events::FileChanged expected{
      "/workspaces/w/plain", "mode", sha("p"), sha("p"), 1, 1, 0100644, 0100755, ""};
  EXPECT_EQ(changes[0], expected);
  EXPECT_EQ(changes[1].change, "mode");
  EXPECT_EQ(changes[1].after_mode, 0100644U);
}

TEST(TreeDifference, SeesAFileBecomeALinkAndBack) {
  SampleTree tree;
  tree.hand_out("file", "same");
  tree.hand_out_link("link", "target");
  unlink((tree / "file").c_str());
  unlink((tree / "link").c_str());
  ASSERT_EQ(symlink("same", (tree / "file").c_str()), 0);  // the same contents by digest
  write_file(tree / "link", "target");
  const auto changes = tree.difference();
  ASSERT_EQ(changes.size(), 2U);
  const events::FileChanged expected{
      "/workspaces/w/file", "modified", sha("same"), sha("same"), 4, 4, 0100644, 0120000, ""};
  EXPECT_EQ(changes[0], expected);
  EXPECT_EQ(changes[1].change, "modified");
  EXPECT_EQ(changes[1].before_mode, 0120000U);
  EXPECT_EQ(changes[1].after_mode, 0100644U);
}

TEST(TreeDifference, SeesARetargetedLink) {
  SampleTree tree;
  tree.hand_out_link("link", "aaaa");
  unlink((tree / "link").c_str());
  ASSERT_EQ(symlink("bbbb", (tree / "link").c_str()), 0);
  EXPECT_EQ(tree.lines(), Lines{"modified /workspaces/w/link"});
  EXPECT_EQ(tree.kept().at(sha("bbbb")), "bbbb");
}

TEST(TreeDifference, SeesAFileBecomeAFolder) {
  SampleTree tree;
  tree.hand_out("a", "a");
  unlink((tree / "a").c_str());
  mkdir((tree / "a").c_str(), 0755);
  write_file(tree / "a/b", "b");
  EXPECT_EQ(tree.lines(), (Lines{"deleted /workspaces/w/a", "added /workspaces/w/a/b"}));
}

TEST(TreeDifference, SaysWhenContentsBeforeAreNotKept) {
  SampleTree tree;
  tree.hand_out("gone", "gone before");
  tree.hand_out("false", "true before");
  unlink(tree.pristine("gone before").c_str());
  write_file(tree.pristine("true before"), "lies before");
  write_file(tree / "gone", "1");
  write_file(tree / "false", "2");
  EXPECT_EQ(tree.lines(), (Lines{"modified /workspaces/w/false (contents before are not kept)",
                                 "modified /workspaces/w/gone (contents before are not kept)"}));
  EXPECT_EQ(tree.kept().size(), 2U) << "only what came after";
}

TEST(TreeDifference, HandsOverADigestOnce) {
  SampleTree tree;
  tree.hand_out("a", "one");
  tree.hand_out("b", "two");
  write_file(tree / "a", "two");
  write_file(tree / "b", "one");
  write_file(tree / "c", "two");
  EXPECT_EQ(tree.difference().size(), 3U);  // the fixture fails on a digest given twice
  EXPECT_EQ(tree.kept().size(), 2U);
}

TEST(TreeDifference, SaysWhichFilesAreNotReadable) {
  SampleTree tree;
  tree.hand_out("old", "old");
  mkdir((tree / "folder").c_str(), 0755);
  mkdir((tree / "closed").c_str(), 0755);
  tree.hand_out("folder/in", "in");
  write_file(tree / "new", "new");
  const bool bound = modes_bind(tree.beside("pristine"));
  chmod((tree / "old").c_str(), 0);
  chmod((tree / "new").c_str(), 0);
  chmod((tree / "folder").c_str(), 0600);
  chmod((tree / "closed").c_str(), 0);
  const Lines found = tree.lines();
  struct stat after {};
  ASSERT_EQ(stat((tree / "old").c_str(), &after), 0);
  EXPECT_EQ(after.st_mode & 07777, 0U) << "nothing may be changed in order to read it";
  chmod((tree / "folder").c_str(), 0700);
  chmod((tree / "closed").c_str(), 0700);
  if (bound) {
    EXPECT_EQ(found, (Lines{"added /workspaces/w/closed (not readable)",
                            "modified /workspaces/w/folder/in (not readable)",
                            "added /workspaces/w/new (not readable)",
                            "modified /workspaces/w/old (not readable)"}));
  } else {
    EXPECT_EQ(found, Lines{"added /workspaces/w/new"});
  }
}

TEST(TreeDifference, SeesDisplacedReadOnlyEntries) {
  SampleTree tree;
  for (const char* name : {"a-empty", "b-filled", "c-file", "d-link", "e-gone"})
    tree.hand_out_read_only(name, true);
  for (const char* name : {"f-empty", "g-filled", "h-folder"})
    tree.hand_out_read_only(name, false);
  mkdir((tree / "b-filled/x").c_str(), 0755);
  write_file(tree / "b-filled/x/y", "y");
  rmdir((tree / "c-file").c_str());
  write_file(tree / "c-file", "now a file");
  rmdir((tree / "d-link").c_str());
  ASSERT_EQ(symlink("a-empty", (tree / "d-link").c_str()), 0);
  rmdir((tree / "e-gone").c_str());
  write_file(tree / "g-filled", "filled");
  unlink((tree / "h-folder").c_str());
  mkdir((tree / "h-folder").c_str(), 0755);
  EXPECT_EQ(tree.lines(), (Lines{"modified /workspaces/w/b-filled (displaced bind)",
                                 "added /workspaces/w/b-filled/x/y (displaced bind)",
                                 "modified /workspaces/w/c-file (displaced bind)",
                                 "modified /workspaces/w/d-link (displaced bind)",
                                 "deleted /workspaces/w/e-gone (displaced bind)",
                                 "modified /workspaces/w/g-filled (displaced bind)",
                                 "modified /workspaces/w/h-folder (displaced bind)"}));
  EXPECT_TRUE(tree.kept().contains(sha("y")));
  EXPECT_TRUE(tree.kept().contains(sha("now a file")));
}

TEST(TreeDifference, TellsWhatStandsAtAReadOnlyEntrysPlace) {
  manifest::Manifest manifest;
  manifest.read_only = {{"docs", true}, {"f", false}};
  const Tree tree{"/workspaces/w", -1, -1, &manifest};
  const auto now = [&tree](const char* path, const char* change, uint32_t mode, const char* note) {
    events::FileChanged it;
    it.path = path;
    it.change = change;
    it.after_mode = mode;
    it.note = note;
    const auto found = displaced(tree, it);
    return found.has_value() ? found->path + " " + found->now : "";
  };
  constexpr const char* kNote = "displaced bind";
  EXPECT_EQ(now("/workspaces/w/docs", "deleted", 0, kNote), "/workspaces/w/docs missing");
  EXPECT_EQ(now("/workspaces/w/docs", "modified", 0100644, kNote), "/workspaces/w/docs file");
  EXPECT_EQ(now("/workspaces/w/f", "modified", 0040000, kNote), "/workspaces/w/f folder");
  EXPECT_EQ(now("/workspaces/w/f", "modified", 0120000, "displaced bind; x"),
            "/workspaces/w/f link");
  EXPECT_EQ(now("/workspaces/w/f", "modified", 0010000, kNote), "/workspaces/w/f other");
  EXPECT_EQ(now("/workspaces/w/f", "modified", 0, "displaced bind; not readable"),
            "/workspaces/w/f unknown");
  // Once for an entry, and for nothing else.
  EXPECT_EQ(now("/workspaces/w/docs/x", "added", 0100644, kNote), "");
  EXPECT_EQ(now("/workspaces/w/f", "modified", 0100644, ""), "");
  EXPECT_EQ(now("/workspaces/w2/f", "modified", 0100644, kNote), "");
}

TEST(TreeDifference, SeesAReadOnlyEntryWhoseParentWasRenamed) {
  SampleTree tree;
  mkdir((tree / "p").c_str(), 0755);
  tree.hand_out_read_only("p/lib", true);
  ASSERT_EQ(rename((tree / "p").c_str(), (tree / "q").c_str()), 0);
  mkdir((tree / "p").c_str(), 0755);
  ASSERT_EQ(symlink("../q/lib", (tree / "p/lib").c_str()), 0);
  EXPECT_EQ(tree.lines(), Lines{"modified /workspaces/w/p/lib (displaced bind)"});
}

TEST(TreeDifference, SaysWhenTheRepositoryIsGone) {
  SampleTree tree;
  rmdir((tree / ".git").c_str());
  EXPECT_EQ(tree.lines(), Lines{"deleted /workspaces/w/.git"});
  ASSERT_EQ(symlink("/etc", (tree / ".git").c_str()), 0);
  EXPECT_EQ(tree.lines(), Lines{"modified /workspaces/w/.git"});
  EXPECT_TRUE(tree.kept().empty());
}

TEST(TreeDifference, NeedsATreeAndAWorkingSink) {
  SampleTree tree;
  const auto sink = [](auto, auto) { return Status(Error{"disk full"}); };
  EXPECT_FALSE(difference({"/w", -1, -1, &tree.manifest()}, {}, sink).ok());
  const UniqueFd file(open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_FALSE(difference({"/w", file.get(), -1, &tree.manifest()}, {}, sink).ok());
  const UniqueFd root(open((tree / ".").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  EXPECT_TRUE(difference({"/w", root.get(), -1, &tree.manifest()}, {}, sink).ok());
  write_file(tree / "new", "new");
  const auto failed = difference({"/w", root.get(), -1, &tree.manifest()}, {}, sink);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().what, "disk full");
}

}  // namespace
}  // namespace carrel::tree
