// A bind moves with a folder above it, and something else can stand at its old place: what the
// difference at the end says of it, on a real overlay.

#include <gmock/gmock.h>

#include "broker/wire/manifest/manifest.h"
#include "launcher/watch/tree/difference.h"
#include "tests/sandbox/slicing/overlay.h"

namespace carrel::service {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Displaced : public SliceOverlay {
 protected:
  void SetUp() override {
    SliceOverlay::SetUp();
    bind_entries();
  }
  /// "change path (note)" of everything that the session's end would report.
  std::vector<std::string> changes() {
    reopen();  // the binds are gone with the workspace
    std::ifstream file(folder_ / "slice/manifest", std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    const manifest::Manifest manifest = must(manifest::parse_manifest(bytes));
    const UniqueFd tree(open((folder_ / "ws").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const UniqueFd pristine(
        open((folder_ / "slice/pristine").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    std::vector<std::string> lines;
    for (const events::FileChanged& change :
         must(tree::difference({"", tree.get(), pristine.get(), &manifest}, {},
                               [](std::string_view, std::string_view) { return Done{}; }))) {
      lines.push_back(change.change + " " + change.path +
                      (change.note.empty() ? "" : " (" + change.note + ")"));
    }
    return lines;
  }
};

TEST_F(Displaced, NothingWhereNothingMoved) {
  must_run("cat docs/SPEC.md; touch src/deep/s1.c");
  EXPECT_THAT(changes(), ElementsAre());
}

TEST_F(Displaced, SaysWhatStandsAtThePlaceOfAnEntryThatMovedAway) {
  must_run("mv docs docs2");
  EXPECT_EQ(must_run("cat docs2/SPEC.md"), "spec\n") << "the bind moved along";
  must_run("mkdir docs; echo forged > docs/SPEC.md");
  EXPECT_THAT(must_run("git status --porcelain"), ::testing::Not(HasSubstr(" docs/SPEC.md")));
  EXPECT_THAT(changes(),
              ElementsAre("modified /docs/SPEC.md (displaced bind)", "deleted /docs/notes.md",
                          "added /docs2/SPEC.md", "added /docs2/notes.md"));
}

TEST_F(Displaced, SaysThatThePlaceIsGone) {
  must_run("mv docs src/docs");
  EXPECT_THAT(changes(),
              ElementsAre("deleted /docs/SPEC.md (displaced bind)", "deleted /docs/notes.md",
                          "added /src/docs/SPEC.md", "added /src/docs/notes.md"));
}

TEST_F(Displaced, NotAtTheTopOfARepository) {
  for (const char* command : {"mv vendor v2", "mv odd.txt o", "rm odd.txt", "rmdir vendor"}) {
    const Ran ran = as_contractor(command);
    EXPECT_EQ(ran.code, 1) << command;
    EXPECT_THAT(ran.said, HasSubstr("Device or resource busy")) << command;
  }
  EXPECT_THAT(changes(), ElementsAre());
}

TEST_F(Displaced, NotByGit) {
  // git moves what it tracks one by one where an entry is below.
  EXPECT_EQ(as_contractor("git mv docs docs2").code, 1);
  EXPECT_THAT(changes(), ElementsAre());
}

}  // namespace
}  // namespace carrel::service
