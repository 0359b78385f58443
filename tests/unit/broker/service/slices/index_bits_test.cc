// Indexes that git wrote, changed and read by git again; and bytes that are none.

#include "broker/service/slices/index_bits.h"

#include <gmock/gmock.h>

#include <random>

#include "tests/unit/broker/service/slices/slicing.h"

namespace carrel::slices {
namespace {

const Entries kEntries = {{"docs/SPEC.md", false}, {"vendor", true}};

class IndexBits : public Slicing {
 protected:
  void SetUp() override {
    Slicing::SetUp();
    for (const char* path : {"docs/SPEC.md", "docs/SPEC.md2", "docs/a", "vendor-old", "vendor.c",
                             "vendor/lib/a", "vendor/z", "vendor0", "z"})
      put(path, "x\n");
    commit();
  }
  std::string index() { return slurp(source_ + "/.git/index"); }
  void put_index(const std::string& bytes) {
    std::ofstream(source_ + "/.git/index", std::ios::binary) << bytes;
  }
  void expect_marked() {
    const auto made = with_skip_worktree(index(), kEntries);
    ASSERT_TRUE(made.ok()) << made.error().what;
    ASSERT_TRUE(made.value().has_value());
    put_index(*made.value());
    EXPECT_EQ(source_git("ls-files -t"),
              "S docs/SPEC.md\nH docs/SPEC.md2\nH docs/a\nH vendor-old\nH vendor.c\n"
              "S vendor/lib/a\nS vendor/z\nH vendor0\nH z");
    EXPECT_EQ(source_git("-c core.sparseCheckout=true -c sparse.expectFilesOutsideOfPatterns=true "
                         "status --porcelain"),
              "");
    EXPECT_EQ(source_git("fsck --strict"), "");
    // Nothing more to do.
    const auto again = with_skip_worktree(index(), kEntries);
    ASSERT_TRUE(again.ok());
    EXPECT_FALSE(again.value().has_value());
  }
};

TEST_F(IndexBits, AreSetInEveryVersion) {
  for (const char* version : {"2", "3", "4"}) {
    source_git("update-index --no-skip-worktree docs/SPEC.md vendor/lib/a vendor/z");
    source_git(std::string("update-index --index-version ") + version);
    if (version[0] == '3') source_git("update-index --skip-worktree z");
    EXPECT_EQ(index()[7], version[0] - '0');
    if (version[0] == '3') source_git("update-index --no-skip-worktree z");
    expect_marked();
  }
}

TEST_F(IndexBits, KeepOtherFlagsAndExtensions) {
  source_git("update-index --skip-worktree vendor/z");  // version 3
  source_git("update-index --assume-unchanged z");
  put("new", "n\n");
  source_git("add -N new");
  source_git("update-index --untracked-cache");
  source_git("status");
  const auto made = with_skip_worktree(index(), kEntries);
  ASSERT_TRUE(made.ok() && made.value());
  put_index(*made.value());
  EXPECT_THAT(*made.value(), ::testing::HasSubstr("UNTR"));
  EXPECT_EQ(source_git("ls-files -v z"), "h z");
  EXPECT_EQ(source_git("ls-files -t vendor/lib/a"), "S vendor/lib/a");
  EXPECT_EQ(source_git("diff --name-only"), "new");
}

TEST_F(IndexBits, LeaveConflictsAlone) {
  source_git("switch -q -c side");
  put("vendor/z", "side\n");
  commit();
  source_git("switch -q main");
  put("vendor/z", "main\n");
  commit();
  EXPECT_EQ(run("git -C " + word(source_) + " merge -q side").code, 1);
  const std::string before = source_git("ls-files --unmerged");
  EXPECT_NE(before, "");
  const auto made = with_skip_worktree(index(), kEntries);
  ASSERT_TRUE(made.ok() && made.value());
  put_index(*made.value());
  EXPECT_EQ(source_git("ls-files --unmerged"), before);
}

TEST_F(IndexBits, RefuseASplitIndexByName) {
  source_git("update-index --split-index");
  const auto made = with_skip_worktree(index(), kEntries);
  ASSERT_FALSE(made.ok());
  EXPECT_THAT(made.error().what, ::testing::HasSubstr("a split index"));
}

TEST_F(IndexBits, RefuseWhatIsNoWholeIndex) {
  const std::string good = index();
  ASSERT_TRUE(with_skip_worktree(good, kEntries).ok());
  for (size_t cut = 0; cut < good.size(); cut += 7)
    EXPECT_FALSE(with_skip_worktree(std::string_view(good).substr(0, cut), kEntries).ok()) << cut;
  EXPECT_FALSE(with_skip_worktree("DIRC" + good.substr(4) + "x", kEntries).ok());
  // With a trailer of zeros any bytes get past the checksum: none may be read outside, or kept.
  std::mt19937 random(11);
  source_git("update-index --index-version 4");
  for (const std::string& base : {good, index()}) {
    for (int round = 0; round < 20000; ++round) {
      std::string bytes = base.substr(0, base.size() - 20) + std::string(20, '\0');
      for (int i = 0; i < 3; ++i)
        bytes[random() % (bytes.size() - 20)] = static_cast<char>(random());
      const auto made = with_skip_worktree(bytes, kEntries);
      if (!made.ok() || !made.value()) continue;
      EXPECT_LE(made.value()->size(), bytes.size() + 200);
    }
  }
}

}  // namespace
}  // namespace carrel::slices
