// A slice under the git that contractors use: clean at once, and workable with read-only entries.

#include <sys/stat.h>

#include "tests/unit/broker/service/slices/slicing.h"

namespace carrel::slices {
namespace {

class SliceGit : public Slicing {
 protected:
  void SetUp() override {
    Slicing::SetUp();
    put("vendor/lib/v.h", "v1\n");
    put("docs/SPEC.md", "spec\n");
    put("docs/notes.md", "notes\n");
    put("odd [*] ", "odd\n");
    put("src/main.c", "int main;\n");
    put("src/run", "#!/bin/sh\n");
    put(".gitattributes", "* text eol=crlf\n");
    std::filesystem::permissions(source_ + "/src/run", std::filesystem::perms(0755));
    std::filesystem::create_symlink("main.c", source_ + "/src/link");
    commit();
    const Ran ran = slice(
        "--read vendor --read docs/SPEC.md --read 'odd [*] ' --write src --write docs/notes.md "
        "--write .gitattributes");
    ASSERT_EQ(ran.code, 0) << ran.err;
  }

  /// What the launcher does by binds: the entries' real contents at their places.
  void bind() {
    const std::string tree = output_ + "/tree/";
    const auto entries = manifest().read_only;
    for (size_t i = 0; i < entries.size(); ++i) {
      const std::string place = word(tree + entries[i].path);
      ASSERT_EQ(run("rm -r " + place + " && cp -a " + word(output_ + "/ro/" + std::to_string(i)) +
                    " " + place)
                    .code,
                0);
    }
  }
  std::string status() { return slice_git("status --porcelain --untracked-files=all"); }
};

TEST_F(SliceGit, IsCleanWithAndWithoutItsBinds) {
  EXPECT_EQ(status(), "");
  bind();
  EXPECT_EQ(status(), "");
  EXPECT_EQ(slice_git("fsck --strict"), "");
  EXPECT_EQ(slice_git("diff HEAD"), "");
  // The index was right from the start: looking did not rewrite it.
  EXPECT_EQ(slice_git("ls-files -t"),
            "H .gitattributes\nS docs/SPEC.md\nH docs/notes.md\nS odd [*] \nH src/link\n"
            "H src/main.c\nH src/run\nS vendor/lib/v.h");
}

TEST_F(SliceGit, WritesBlobsByteForByteWhateverTheAttributesSay) {
  EXPECT_EQ(slurp(output_ + "/tree/src/main.c"), "int main;\n");
}

TEST_F(SliceGit, SeesEveryFileAsUnchangedByStatAlone) {
  // git only believes the index where it needs not read: unreadable contents would show up.
  struct stat index {};
  ASSERT_EQ(stat((output_ + "/tree/.git/index").c_str(), &index), 0);
  EXPECT_GT(index.st_mtime, 1'577'836'800);
  // Same size and time, other bytes: a git that reads would call it modified.
  std::ofstream(output_ + "/tree/src/main.c") << "INT MAIN;\n";
  ASSERT_EQ(run("touch -d @1577836800 " + word(output_ + "/tree/src/main.c")).code, 0);
  EXPECT_EQ(status(), "");
}

TEST_F(SliceGit, GivesEverythingOneTimeAndTheIndexALaterOne) {
  const auto times = lines(run("cd " + word(output_) + " && find tree ro -printf '%T@ %P\\n'").out);
  EXPECT_GT(times.size(), 20U);
  for (const std::string& line : times) {
    const bool is_index = line.ends_with(" .git/index");
    EXPECT_EQ(line.substr(0, 21), is_index ? "1577840400.0000000000" : "1577836800.0000000000")
        << line;
  }
}

TEST_F(SliceGit, LetsWorkGoOnAroundReadOnlyEntries) {
  bind();
  std::ofstream(output_ + "/tree/src/main.c") << "int changed;\n";
  std::ofstream(output_ + "/tree/src/new.c") << "int fresh;\n";
  EXPECT_EQ(status(), " M src/main.c\n?? src/new.c");
  slice_git("add -A");
  slice_git("commit -q -m work");
  EXPECT_EQ(status(), "");
  EXPECT_EQ(slice_git("diff --name-only HEAD~1"), "src/main.c\nsrc/new.c");
  EXPECT_EQ(slice_git("show HEAD:vendor/lib/v.h"), "v1");
  slice_git("stash -q --include-untracked");
  slice_git("switch -q -c side HEAD~1");
  slice_git("switch -q main");
  slice_git("reset -q --hard HEAD~1");
  slice_git("clean -fdxq");
  EXPECT_EQ(status(), "");
  for (const char* path : {"vendor/lib/v.h", "docs/SPEC.md", "odd [*] "}) {
    EXPECT_NE(slurp(output_ + "/tree/" + path), "") << path << " was taken away";
  }
}

}  // namespace
}  // namespace carrel::slices
