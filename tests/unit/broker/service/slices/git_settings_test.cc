#include "broker/service/slices/git_settings.h"

#include <gmock/gmock.h>

#include <random>

#include "tests/unit/broker/service/slices/slicing.h"

namespace carrel::slices {
namespace {

const Entries kEntries = {{"docs/SPEC.md", false}, {"vendor", true}};
constexpr const char* kOurs =
    "# Carrel puts the lines below back at each opening.\n"
    "[core] # Carrel\n"
    "\tcheckStat = minimal\n"
    "\tsparseCheckout = true\n"
    "\tsparseCheckoutCone = false\n"
    "[sparse] # Carrel\n"
    "\texpectFilesOutsideOfPatterns = true\n";

TEST(Config, GetsOurLinesAtTheEnd) {
  EXPECT_EQ(with_config("", true).value(), kOurs);
  EXPECT_EQ(with_config("[user]\n\tname = x", true).value(),
            std::string("[user]\n\tname = x\n") + kOurs);
  EXPECT_EQ(with_config("", false).value(),
            "# Carrel puts the lines below back at each opening.\n[core] # Carrel\n"
            "\tcheckStat = minimal\n");
  EXPECT_FALSE(with_config(std::string(kMaxSettingsBytes + 1, 'x'), true).ok());
}

TEST(Config, KeepsWhatGitWroteIntoOurSections) {
  const std::string present =
      "[core]\n\tbare = false\n# Carrel puts the lines below back at each opening.\n"
      "[core] # Carrel\n\tcheckStat = minimal\n\tsparseCheckout = false\n"
      "\tsparseCheckoutCone = false\n\teditor = vi\n[sparse] # Carrel\n"
      "\texpectFilesOutsideOfPatterns = true\n[user]\n\tname = x\n";
  EXPECT_EQ(with_config(present, true).value(),
            std::string("[core]\n\tbare = false\n[core] # Carrel\n\tsparseCheckout = false\n"
                        "\teditor = vi\n[user]\n\tname = x\n") +
                kOurs);
}

TEST(Config, IsTheSameOnceMoreWhateverStandsInIt) {
  const std::vector<std::string> pieces = {"[core] # Carrel\n",
                                           "[sparse] # Carrel\n",
                                           "\tsparseCheckout = true\n",
                                           "[core]\n",
                                           "a = b\\\n",
                                           "\n",
                                           "# x\n",
                                           "[a \"b\n",
                                           "\tcheckStat = minimal\n",
                                           std::string("\0\xFF\n", 3),
                                           "c = \"d",
                                           kOurs};
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string present;
    for (size_t i = random() % 9; i > 0; --i)
      present += pieces[random() % pieces.size()];
    const std::string once = with_config(present, true).value();
    EXPECT_TRUE(once.ends_with(kOurs));
    EXPECT_EQ(with_config(once, true).value(), once);
    const std::string sparse = with_sparse_patterns(present, kEntries).value();
    EXPECT_EQ(with_sparse_patterns(sparse, kEntries).value(), sparse);
    const std::string exclude = with_exclude_patterns(present, kEntries).value();
    EXPECT_EQ(with_exclude_patterns(exclude, kEntries).value(), exclude);
  }
}

TEST(PatternFiles, EndInTheEntries) {
  EXPECT_EQ(with_sparse_patterns("", kEntries).value(), "/*\n!/docs/SPEC.md\n!/vendor/\n");
  EXPECT_EQ(with_sparse_patterns("!/vendor/\n/*\n!/*/\n/src/", kEntries).value(),
            "/*\n!/*/\n/src/\n!/docs/SPEC.md\n!/vendor/\n");
  EXPECT_EQ(with_exclude_patterns("*.o\n!/vendor/\n", kEntries).value(),
            "*.o\n!/vendor/\n# Bound read-only over this working tree by Carrel.\n/docs/SPEC.md\n"
            "/vendor/\n");
}

/// What git itself makes of the settings, whatever a contractor did with git before.
class ConfigGit : public Slicing {
 protected:
  std::string value(const std::string& key) { return source_git("config --get " + key); }
  void mend(const std::string& name) {
    const std::string path = source_ + "/.git/" + name;
    const auto mended = with_config(slurp(path), true);
    ASSERT_TRUE(mended.ok());
    std::ofstream(path, std::ios::binary) << mended.value();
  }
  void expect_ours() {
    EXPECT_EQ(value("core.sparseCheckout"), "true");
    EXPECT_EQ(value("core.sparseCheckoutCone"), "false");
    EXPECT_EQ(value("core.checkStat"), "minimal");
    EXPECT_EQ(value("sparse.expectFilesOutsideOfPatterns"), "true");
  }
};

TEST_F(ConfigGit, WinsOverWhatTheContractorSet) {
  put("a", "a\n");
  commit();
  mend("config");
  expect_ours();
  source_git("config core.sparseCheckout false");
  source_git("config core.checkStat default");
  source_git("config core.editor vi");
  source_git("config sparse.expectFilesOutsideOfPatterns false");
  source_git("config alias.st status");
  EXPECT_EQ(value("core.sparseCheckout"), "false");
  mend("config");
  expect_ours();
  EXPECT_EQ(value("core.editor"), "vi");
  EXPECT_EQ(value("alias.st"), "status");
  // git puts these into .git/config.worktree, which wins over .git/config.
  source_git("sparse-checkout disable");
  EXPECT_EQ(value("core.sparseCheckout"), "false");
  mend("config");
  EXPECT_EQ(value("core.sparseCheckout"), "false");
  mend("config.worktree");
  expect_ours();
}

TEST_F(ConfigGit, EndsALineThatWasLeftOpen) {
  std::ofstream(source_ + "/.git/config", std::ios::app) << "[user]\n\tname = x\\";
  mend("config");
  expect_ours();
  EXPECT_EQ(value("user.name"), "tester");  // of the environment
  EXPECT_EQ(source_git("config --file .git/config --get user.name"), "x");
}

}  // namespace
}  // namespace carrel::slices
