// What is in the tree and was not handed out.

#include <sys/socket.h>
#include <sys/un.h>

#include "tests/unit/launcher/watch/tree/sample_tree.h"

namespace carrel::tree {
namespace {

using ::carrel::tests::SampleTree;
using ::carrel::tests::sha;
using ::carrel::tests::write_file;
using Lines = std::vector<std::string>;

TEST(TreeDifference, ReportsAddedFilesAndLinks) {
  SampleTree tree;
  mkdir((tree / "new").c_str(), 0755);
  write_file(tree / "new/run", "#!/bin/sh\n");
  chmod((tree / "new/run").c_str(), 0755);
  ASSERT_EQ(symlink("run", (tree / "new/walk").c_str()), 0);
  const auto changes = tree.difference();
  ASSERT_EQ(changes.size(), 2U);
  const events::FileChanged run{
      "/workspaces/w/new/run", "added", "", sha("#!/bin/sh\n"), 0, 10, 0, 0100755, ""};
  const events::FileChanged walk{
      "/workspaces/w/new/walk", "added", "", sha("run"), 0, 3, 0, 0120000, ""};
  EXPECT_EQ(changes[0], run);
  EXPECT_EQ(changes[1], walk);
  EXPECT_EQ(tree.kept().at(sha("run")), "run");
}

TEST(TreeDifference, NeverFollowsALinkOutOfTheTree) {
  SampleTree tree;
  const std::string secret = "a secret beside the tree";
  mkdir(tree.beside("host").c_str(), 0755);
  write_file(tree.beside("host/secret"), secret);
  mkdir((tree / "src").c_str(), 0755);
  tree.hand_out("src/secret", "harmless");
  tree.hand_out("secret", "harmless");
  unlink((tree / "src/secret").c_str());
  unlink((tree / "secret").c_str());
  rmdir((tree / "src").c_str());
  ASSERT_EQ(symlink(tree.beside("host").c_str(), (tree / "src").c_str()), 0);
  ASSERT_EQ(symlink("../host/secret", (tree / "secret").c_str()), 0);
  ASSERT_EQ(symlink("/proc/self/root", (tree / "magic").c_str()), 0);
  EXPECT_EQ(tree.lines(), (Lines{"added /workspaces/w/magic", "modified /workspaces/w/secret",
                                 "added /workspaces/w/src", "deleted /workspaces/w/src/secret"}));
  EXPECT_FALSE(tree.kept().contains(sha(secret)));
  // The same file inside the tree is found, so its absence above means something.
  write_file(tree / "copy", secret);
  tree.difference();
  EXPECT_TRUE(tree.kept().contains(sha(secret)));
}

TEST(TreeDifference, NamesOtherKindsWithoutOpeningThem) {
  SampleTree tree;
  tree.hand_out("was-a-file", "x");
  unlink((tree / "was-a-file").c_str());
  ASSERT_EQ(mkfifo((tree / "was-a-file").c_str(), 0644), 0);  // opening it would wait for ever
  ASSERT_EQ(mkfifo((tree / "fifo").c_str(), 0644), 0);
  const UniqueFd socket_fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = tree / "socket";
  ASSERT_LT(path.size(), sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  ASSERT_EQ(bind(socket_fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const auto changes = tree.difference();
  ASSERT_EQ(changes.size(), 3U);
  const events::FileChanged fifo{"/workspaces/w/fifo", "added", "", "", 0, 0, 0, S_IFIFO,
                                 "not a regular file"};
  EXPECT_EQ(changes[0], fifo);
  EXPECT_EQ(changes[1].after_mode, static_cast<uint32_t>(S_IFSOCK));
  EXPECT_EQ(changes[2].change, "modified");
  EXPECT_EQ(changes[2].before_sha256, sha("x"));
  EXPECT_EQ(changes[2].note, "not a regular file");
}

TEST(TreeDifference, KeepsNamesAsTheyAre) {
  SampleTree tree;
  const Lines names = {"\x01\x1b[2J", "\xff\xfe", "a\nmodified b", "bl ank\\", "\xc3\xa4"};
  for (const std::string& name : names)
    write_file(tree / name, "x");
  Lines expected;
  for (const std::string& name : names)
    expected.push_back("added /workspaces/w/" + name);
  Lines found = tree.lines();
  std::sort(expected.begin(), expected.end());
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, expected);
}

TEST(TreeDifference, TreatsEveryOtherDotGitAsAnOrdinaryFolder) {
  SampleTree tree;
  write_file(tree / ".git/HEAD", "own");
  mkdir((tree / "sub").c_str(), 0755);
  mkdir((tree / "sub/.git").c_str(), 0755);
  write_file(tree / "sub/.git/config", "x");
  write_file(tree / ".gitignore", "y");
  EXPECT_EQ(tree.lines(),
            (Lines{"added /workspaces/w/.gitignore", "added /workspaces/w/sub/.git/config"}));
}

TEST(TreeDifference, ReportsEveryNameOfAHardLink) {
  SampleTree tree;
  tree.hand_out("a", "a");
  ASSERT_EQ(link((tree / "a").c_str(), (tree / "b").c_str()), 0);
  EXPECT_EQ(tree.lines(), Lines{"added /workspaces/w/b"});
  write_file(tree / "b", "changed under both names");
  EXPECT_EQ(tree.lines(), (Lines{"modified /workspaces/w/a", "added /workspaces/w/b"}));
}

}  // namespace
}  // namespace carrel::tree
