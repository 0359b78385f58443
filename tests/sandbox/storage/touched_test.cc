// Where a tree in an overlay can differ, by its upper layer: the difference found there against the
// one of the whole tree, for everything that a contractor can do to an overlay.

#include "launcher/watch/tree/touched.h"

#include <gmock/gmock.h>
#include <sys/fsuid.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include <fstream>

#include "broker/record/evidence/sha256.h"
#include "profiles/base/text.h"
#include "tests/sandbox/storage/disk.h"

namespace carrel::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using Lines = std::vector<std::string>;

/// As the session's uid for the moment: no modes are overruled (setfsuid(2)).
class Session {
 public:
  Session() {
    setfsgid(kSecond);
    setfsuid(kSecond);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() {
    setfsuid(0);
    setfsgid(0);
  }
};

class Touched : public Disk {
 protected:
  void SetUp() override {
    Disk::SetUp();
    for (const char* name : {"tree", "tree/.git", "tree/src", "tree/src/deep", "tree/src/deep/er",
                             "tree/lib", "tree/lib/bound", "tree/other", "tree/other/sub",
                             "tree/one", "tree/one/only", "pristine"}) {
      folder(name);
    }
    file(".git/HEAD", "ref: refs/heads/main\n", Listed::kNo);
    file("lib/bound.h", "", Listed::kNo);
    for (const char* name :
         {"src/a.c", "src/b.c", "src/run.sh", "src/deep/c.c", "src/deep/er/d.c", "src/deep/er/e.c",
          "lib/l.c", "other/x.c", "other/y.c", "other/sub/z.c", "one/only/f.c", "top.c"}) {
      file(name, std::string("contents of ") + name, Listed::kYes);
    }
    manifest_.commit = manifest_.source = std::string(40, 'a');
    manifest_.read_only = {{"lib/bound", true}, {"lib/bound.h", false}};
    std::sort(manifest_.files.begin(), manifest_.files.end(),
              [](const auto& a, const auto& b) { return a.path < b.path; });
    std::ofstream(host_ / "slice/manifest", std::ios::binary) << format_manifest(manifest_);
    disk_.emplace(mount_with('k').take());
    slice_.reset(open((host_ / "slice/tree").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    tree_ = tree(*disk_, kFirst, false);
  }

  enum class Listed { kNo, kYes };
  void own(const std::string& path) {
    ASSERT_EQ(lchown(path.c_str(), plan::kOnDiskOwner, plan::kOnDiskOwner), 0);
  }
  void folder(const std::string& name) {
    ASSERT_EQ(mkdir((host_ / "slice/" + name).c_str(), 0755), 0);
    own(host_ / "slice/" + name);
  }
  void file(const std::string& name, const std::string& content, Listed listed) {
    std::ofstream(host_ / "slice/tree/" + name) << content;
    own(host_ / "slice/tree/" + name);
    if (listed == Listed::kNo) return;
    const std::string sha(evidence::as_view(evidence::sha256(content)));
    std::ofstream(host_ / "slice/pristine/" + to_hex(sha)) << content;
    manifest_.files.push_back({name, 0100644, content.size(), sha});
  }

  /// Commands of the contractor in the tree.
  int runs(const std::string& command) {
    return as(kFirst, tree_.get(), [&command] {
      // The shell says that it cannot find out where it is.
      dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
      execl("/bin/sh", "sh", "-ec", command.c_str(), nullptr);
      return 99;
    });
  }

  static Lines lines(const tree::Scope& scope, int tree_fd, int pristine_fd,
                     const tree::Limits& limits) {
    const auto found = tree::difference({"", tree_fd, pristine_fd, &scope.manifest, scope.within},
                                        limits, [](auto, auto) { return Status(Done{}); });
    EXPECT_TRUE(found.ok()) << why(found);
    Lines out;
    for (const auto& change : found.value()) {
      out.push_back(change.change + " " + change.path +
                    (change.note.empty() ? "" : " (" + change.note + ")"));
    }
    return out;
  }

  /// What changed, by the upper layer, as the session's uid sees it; fails the test where a look at
  /// everything finds something else.
  Lines changes(const tree::Limits& limits = {}) {
    const UniqueFd view = tree(*disk_, kSecond, true);
    const auto map = kernel::make_id_map({plan::kOnDiskOwner, kSecond});
    const auto mount =
        disk_->changes("app", {map.value().get(), kSecond}, {lower_.get(), upper_.get()});
    EXPECT_TRUE(mount.ok()) << why(mount);
    const UniqueFd upper(openat(mount.value().get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const UniqueFd manifest(open((host_ / "slice/manifest").c_str(), O_RDONLY | O_CLOEXEC));
    const UniqueFd pristine(
        open((host_ / "slice/pristine").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const Session session;
    const auto whole = tree::find_scope(std::nullopt, manifest.get(), limits);
    const auto scope = tree::find_scope(tree::Layers{view.get(), upper.get(), slice_.get()},
                                        manifest.get(), limits);
    EXPECT_TRUE(whole.ok() && scope.ok());
    within_ = scope.value().within;
    const Lines found = lines(scope.value(), view.get(), pristine.get(), limits);
    const Lines all = lines(whole.value(), view.get(), pristine.get(), limits);
    // Of too many, which ones are named is a matter of where folders list them.
    if (all.size() <= limits.max_changes) {
      EXPECT_EQ(found, all);
    }
    return found;
  }

  manifest::Manifest manifest_;
  std::optional<WorkspaceDisk> disk_;
  UniqueFd tree_;
  Lines within_;  // of the last changes()
};

TEST_F(Touched, NothingIsLookedAtWhereNothingWasDone) {
  EXPECT_THAT(changes(), IsEmpty());
  EXPECT_THAT(within_, IsEmpty());
  ASSERT_EQ(runs("cat src/a.c src/deep/er/*.c; echo mine > .git/index; ls -lR >/dev/null"), 0);
  EXPECT_THAT(changes(), IsEmpty());
  EXPECT_THAT(within_, IsEmpty());
}

TEST_F(Touched, CopiedUpButUnchanged) {
  ASSERT_EQ(runs("touch src/a.c; touch src/deep; chmod 700 src/deep/er"), 0);
  EXPECT_THAT(changes(), IsEmpty());
  EXPECT_THAT(within_, ElementsAre("src/a.c"));
}

TEST_F(Touched, ChangedAddedDeletedAndModes) {
  ASSERT_EQ(runs("echo x > src/a.c; chmod +x src/run.sh; rm src/deep/c.c; echo n > src/deep/new; "
                 "mkdir -p fresh/er; echo n > fresh/er/f; ln -s a.c src/link"),
            0);
  EXPECT_THAT(changes(),
              ElementsAre("added /fresh/er/f", "modified /src/a.c", "deleted /src/deep/c.c",
                          "added /src/deep/new", "added /src/link", "mode /src/run.sh"));
  EXPECT_THAT(within_, ElementsAre("fresh", "src/a.c", "src/deep/c.c", "src/deep/new", "src/link",
                                   "src/run.sh"));
}

TEST_F(Touched, WrittenThroughASharedMappingWithTheTimeSetBack) {
  ASSERT_EQ(runs("python3 -c \"import mmap,os; s=os.stat('src/a.c'); f=open('src/a.c','r+b'); "
                 "m=mmap.mmap(f.fileno(),0); m[0:1]=b'X'; m.close(); f.close(); "
                 "os.utime('src/a.c',ns=(s.st_atime_ns,s.st_mtime_ns))\""),
            0);
  EXPECT_THAT(changes(), ElementsAre("modified /src/a.c"));
}

TEST_F(Touched, ARenamedFolderIsLookedAtAsAWhole) {
  ASSERT_EQ(runs("mv src/deep moved"), 0);
  EXPECT_THAT(changes(), ElementsAre("added /moved/c.c", "added /moved/er/d.c",
                                     "added /moved/er/e.c", "deleted /src/deep/c.c",
                                     "deleted /src/deep/er/d.c", "deleted /src/deep/er/e.c"));
  EXPECT_THAT(within_, ElementsAre("moved", "src/deep"));
}

TEST_F(Touched, AFolderRenamedToAnothersPlace) {
  // The same names below, other files: only their inodes tell.
  ASSERT_EQ(runs("mv other/sub gone; rm -r src/deep; mv other src/deep; touch src/deep/x.c"), 0);
  EXPECT_THAT(
      changes(),
      ElementsAre("added /gone/z.c", "deleted /other/sub/z.c", "deleted /other/x.c",
                  "deleted /other/y.c", "deleted /src/deep/c.c", "deleted /src/deep/er/d.c",
                  "deleted /src/deep/er/e.c", "added /src/deep/x.c", "added /src/deep/y.c"));
}

TEST_F(Touched, TwoFoldersWithTheSameNamesExchanged) {
  ASSERT_EQ(runs("mkdir p q; echo 1 > p/f; echo 2 > q/f"), 0);
  ASSERT_EQ(runs("mv lib/l.c other/x.c; mv one two; mv other one; mv two other"), 0);
  EXPECT_THAT(changes(), Not(IsEmpty()));
  ASSERT_EQ(runs("mv one/sub one/only; mv one/only/z.c one/only/f.c; touch one/only"), 0);
  EXPECT_THAT(changes(), Not(IsEmpty()));
}

TEST_F(Touched, AFolderMovedAwayAndBackIsTheSlicesOwn) {
  ASSERT_EQ(runs("mv src away; mv away src; echo x > src/a.c; mv src/deep d; mv d src/deep"), 0);
  EXPECT_THAT(changes(), ElementsAre("modified /src/a.c"));
  EXPECT_THAT(within_, ElementsAre("src/a.c"));
}

TEST_F(Touched, BelowAFolderThatIsNotTheSlicesOwnNothingIsTrusted) {
  // src/deep shows its own files by itself, inside a folder that is another one's.
  ASSERT_EQ(runs("mv src/deep kept; rm -r src; mv other src; mv kept src/deep; touch src/deep/c.c"),
            0);
  EXPECT_THAT(changes(),
              ElementsAre("deleted /other/sub/z.c", "deleted /other/x.c", "deleted /other/y.c",
                          "deleted /src/a.c", "deleted /src/b.c", "deleted /src/run.sh",
                          "added /src/sub/z.c", "added /src/x.c", "added /src/y.c"));
}

TEST_F(Touched, AFolderMadeAnewHidesWhatWasThere) {
  ASSERT_EQ(runs("rm -r src/deep; mkdir src/deep; echo n > src/deep/c.c"), 0);
  EXPECT_THAT(changes(), ElementsAre("modified /src/deep/c.c", "deleted /src/deep/er/d.c",
                                     "deleted /src/deep/er/e.c"));
  ASSERT_EQ(runs("rm src/deep/c.c"), 0);
  EXPECT_THAT(changes(), ElementsAre("deleted /src/deep/c.c", "deleted /src/deep/er/d.c",
                                     "deleted /src/deep/er/e.c"));
}

TEST_F(Touched, FoldersWithOneEntryEach) {
  ASSERT_EQ(runs("echo x >> one/only/f.c"), 0);
  EXPECT_THAT(changes(), ElementsAre("modified /one/only/f.c"));
  EXPECT_THAT(within_, ElementsAre("one/only/f.c"));
  ASSERT_EQ(runs("rm -r one/only; mkdir one/only; echo x > one/only/g.c"), 0);
  EXPECT_THAT(changes(), ElementsAre("deleted /one/only/f.c", "added /one/only/g.c"));
}

TEST_F(Touched, AFileBecomesAFolderAndAFolderAFile) {
  ASSERT_EQ(
      runs("rm src/a.c; mkdir src/a.c; echo n > src/a.c/in; rm -r src/deep; echo f > src/deep; "
           "rm -r one; ln -s src one"),
      0);
  EXPECT_THAT(changes(),
              ElementsAre("added /one", "deleted /one/only/f.c", "deleted /src/a.c",
                          "added /src/a.c/in", "added /src/deep", "deleted /src/deep/c.c",
                          "deleted /src/deep/er/d.c", "deleted /src/deep/er/e.c"));
}

TEST_F(Touched, HardLinks) {
  ASSERT_EQ(runs("ln src/a.c src/linked; echo n > other/n; ln other/n lib/n; ln src/b.c top2; "
                 "rm src/b.c; ln top2 src/b.c"),
            0);
  EXPECT_THAT(changes(),
              ElementsAre("added /lib/n", "added /other/n", "added /src/linked", "added /top2"));
  ASSERT_EQ(runs("echo more >> src/linked"), 0);
  EXPECT_THAT(changes(), ElementsAre("added /lib/n", "added /other/n", "modified /src/a.c",
                                     "added /src/linked", "added /top2"));
}

TEST_F(Touched, AFileOfTheSameNameInAnotherFoldersPlace) {
  // Exchanged at once (RENAME_EXCHANGE).
  ASSERT_EQ(runs("python3 -c \"import ctypes,os; print(ctypes.CDLL(None).renameat2("
                 "-100,b'src/deep',-100,b'other/sub',2))\" | grep -q 0"),
            0);
  EXPECT_THAT(changes(), ElementsAre("added /other/sub/c.c", "added /other/sub/er/d.c",
                                     "added /other/sub/er/e.c", "deleted /other/sub/z.c",
                                     "deleted /src/deep/c.c", "deleted /src/deep/er/d.c",
                                     "deleted /src/deep/er/e.c", "added /src/deep/z.c"));
}

TEST_F(Touched, DisplacedPlacesOfReadOnlyEntries) {
  ASSERT_EQ(runs("mv lib lib2; mkdir lib; mkdir lib/bound; echo forged > lib/bound/v.h; "
                 "echo forged > lib/bound.h"),
            0);
  EXPECT_THAT(changes(), ElementsAre("modified /lib/bound (displaced bind)",
                                     "modified /lib/bound.h (displaced bind)",
                                     "added /lib/bound/v.h (displaced bind)", "deleted /lib/l.c",
                                     "added /lib2/bound.h", "added /lib2/l.c"));
}

TEST_F(Touched, HostileNames) {
  ASSERT_EQ(runs("n=$(printf 'a\\nmodified b'); echo x > \"src/$n\"; e=$(printf '\\033[2J\\377'); "
                 "mkdir \"src/deep/$e\"; echo y > \"src/deep/$e/.git\"; mkdir src/.git; echo z > "
                 "src/.git/c; "
                 "mkdir '\\'; echo b > '\\/ '"),
            0);
  EXPECT_THAT(changes(), testing::SizeIs(4));
}

TEST_F(Touched, UnreadableFolders) {
  ASSERT_EQ(runs("chmod 0 src/deep; chmod 300 other; chmod 0 src/a.c"), 0);
  EXPECT_THAT(
      changes(),
      ElementsAre("modified /other (not readable)", "modified /src/a.c (not readable)",
                  "modified /src/deep (not readable)", "modified /src/deep/c.c (not readable)",
                  "modified /src/deep/er/d.c (not readable)",
                  "modified /src/deep/er/e.c (not readable)"));
  EXPECT_THAT(within_, ElementsAre("other", "src/a.c", "src/deep"));
}

TEST_F(Touched, MoreThanTheBoundsIsLookedAtAsAWhole) {
  ASSERT_EQ(runs("for i in 1 2 3 4 5 6 7 8 9; do echo x > src/deep/n$i; done; echo x > top.c"), 0);
  EXPECT_THAT(changes(), testing::SizeIs(10));
  EXPECT_THAT(within_, Not(testing::Contains("")));
  EXPECT_THAT(changes({.max_entries = 5}), Not(IsEmpty()));
  EXPECT_THAT(within_, ElementsAre(""));
  EXPECT_THAT(changes({.max_changes = 4}), testing::SizeIs(5));
  ASSERT_EQ(runs("mkdir -p d/d/d/d; echo x > d/d/d/d/f; echo x > src/deep/er/n"), 0);
  EXPECT_THAT(changes({.max_depth = 2}),
              testing::Contains("added /d/d/d (not looked at: too deep)"));
}

TEST_F(Touched, WhatOverlayfsKeepsForItselfIsOutOfReach) {
  // Whiteouts: ovl_mknod() refuses 0:0 although vfs_mknod() lets anybody make one elsewhere, and
  // ovl_rename() knows no RENAME_WHITEOUT. Attributes: xattr_permission() asks for CAP_SYS_ADMIN in
  // the host's user namespace for all of trusted.*
  EXPECT_EQ(as(kFirst, tree_.get(), [] { return mknod("src/w", S_IFCHR, 0) == 0 ? 0 : errno; }),
            EPERM);
  EXPECT_EQ(as(kFirst, tree_.get(),
               [] {
                 constexpr unsigned kWhiteout = 4;
                 return renameat2(AT_FDCWD, "src/a.c", AT_FDCWD, "src/w", kWhiteout) == 0 ? 0
                                                                                          : errno;
               }),
            EINVAL);
  for (const char* name : {"trusted.overlay.opaque", "trusted.overlay.redirect"}) {
    EXPECT_EQ(as(kFirst, tree_.get(),
                 [name] { return setxattr("src", name, "y", 1, 0) == 0 ? 0 : errno; }),
              EPERM);
  }
  EXPECT_EQ(as(kFirst, tree_.get(),
               [] { return setxattr("src", "user.overlay.opaque", "y", 1, 0) == 0 ? 0 : errno; }),
            0);
  EXPECT_THAT(changes(), IsEmpty());
}

}  // namespace
}  // namespace carrel::storage
