#include "launcher/service/workspace.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/folder.h"

namespace carrel::service {
namespace {

using testing::HasSubstr;

const std::string kName = "01jd0000000000000000000001";

model::Repository repository() {
  model::Repository out;
  out.name = "app";
  out.source = "/srv/git/app.git";
  out.ref = "main";
  out.read = {{RelPath::parse("docs").take(), {4, 1}}};
  out.write = {{RelPath::parse("src").take(), {5, 1}}};
  return out;
}

model::Profile profile() {
  model::Profile out;
  out.repositories = {repository()};
  return out;
}

std::vector<SliceUse> uses() {
  return {{"app", exposure_of(repository()), "0123abcd-0123"}};
}

TEST(Exposure, IsThatOfWhatIsShownAndNotOfWhereItIsWritten) {
  model::Repository moved = repository();
  moved.read[0].where = {40, 3};
  moved.where = {1, 1};
  EXPECT_EQ(exposure_of(moved), exposure_of(repository()));
  model::Repository other = repository();
  other.ref = "next";
  EXPECT_NE(exposure_of(other), exposure_of(repository()));
  other = repository();
  other.never = {{RelPath::parse("src/secret").take(), {}}};
  EXPECT_NE(exposure_of(other), exposure_of(repository()));
  other = repository();
  std::swap(other.read, other.write);
  EXPECT_NE(exposure_of(other), exposure_of(repository()));
}

TEST(Slices, AreReadAsTheyWereWritten) {
  std::vector<SliceUse> slices = uses();
  slices.push_back({"tools", exposure_of(repository()), ""});
  const auto read = parse_slices(format_slices(slices));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read.value(), slices);
  EXPECT_TRUE(parse_slices(format_slices({})).value().empty());
}

TEST(Slices, CutOrChangedAnywhereAreRefused) {
  const std::string whole = format_slices(uses());
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(parse_slices(whole.substr(0, size)).ok()) << size;
  for (const std::string bad : {"x\n", "\n"})
    EXPECT_FALSE(parse_slices(whole + bad).ok());
  EXPECT_FALSE(parse_slices("carrel-workspace 2\nend\n").ok());
  EXPECT_FALSE(parse_slices("carrel-workspace 1\nrepository app 00 ../../x\nend\n").ok());
  EXPECT_FALSE(parse_slices("carrel-workspace 1\nrepository app  00 own\nend\n").ok());
}

TEST(Fits, TheProfileThatTheWorkspaceBeganWith) {
  EXPECT_TRUE(check_fits(uses(), profile(), "local/x").ok());
}

TEST(Fits, NoProfileThatShowsSomethingElse) {
  model::Profile other = profile();
  other.repositories[0].write.clear();
  const Status changed = check_fits(uses(), other, "local/x");
  ASSERT_FALSE(changed.ok());
  EXPECT_THAT(changed.error().what, HasSubstr("repository app has changed"));
  EXPECT_THAT(changed.error().what, HasSubstr("carrel task end local/x,"));
  other = profile();
  other.repositories.push_back(repository());
  other.repositories[1].name = "more";
  EXPECT_THAT(check_fits(uses(), other, "t").error().what, HasSubstr("repository more is new"));
  EXPECT_THAT(check_fits(uses(), model::Profile{}, "t").error().what, HasSubstr("leaves out"));
}

class WorkspaceFolders : public testing::Test {
 protected:
  Result<Workspace> open(const std::function<bool()>& gone = nullptr) {
    return Workspace::open(fd_.get(), kName, gone);
  }
  [[nodiscard]] std::string path(const std::string& name) const {
    return folder_ / (kName + "/" + name);
  }

  support::Folder folder_;
  UniqueFd fd_{::open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
};

TEST_F(WorkspaceFolders, AreNewUntilTheyAreKept) {
  {
    auto opened = open();
    ASSERT_TRUE(opened.ok()) << to_string(opened.error());
    Workspace workspace = opened.take();
    EXPECT_TRUE(workspace.is_new());
    std::ofstream(path("image")) << "work";
    ASSERT_TRUE(workspace.keep(uses()).ok());
    EXPECT_FALSE(workspace.is_new());
    EXPECT_EQ(workspace.discard().error().sys_errno, EPERM);
  }
  auto again = open();
  ASSERT_TRUE(again.ok());
  EXPECT_FALSE(again.value().is_new());
  EXPECT_EQ(again.value().slices(), uses());
  EXPECT_TRUE(std::filesystem::exists(path("image")));
}

TEST_F(WorkspaceFolders, ThatCameToNothingAreClearedAtTheNextOpening) {
  {
    auto workspace = open();
    ASSERT_TRUE(workspace.ok());
    std::ofstream(path("image")) << "half made";
  }
  auto again = open();
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again.value().is_new());
  EXPECT_FALSE(std::filesystem::exists(path("image")));
}

TEST_F(WorkspaceFolders, OfAnotherMakingAreLeftAsTheyAre) {
  ASSERT_EQ(mkdir((folder_ / kName).c_str(), 0755), 0);
  ASSERT_EQ(mkdir(path("app").c_str(), 0755), 0);
  EXPECT_EQ(open().error().sys_errno, EEXIST);
  EXPECT_FALSE(Workspace::sweep(fd_.get(), kName).value());
  EXPECT_TRUE(std::filesystem::exists(path("app")));
}

TEST_F(WorkspaceFolders, HaveOneSessionAtATime) {
  auto first = open();
  ASSERT_TRUE(first.ok());
  int asked = 0;
  const auto second = open([&] { return ++asked > 3; });
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().sys_errno, ECANCELED);
  EXPECT_EQ(asked, 4);
}

TEST_F(WorkspaceFolders, DamagedAreAnErrorAndLoseNothing) {
  { ASSERT_TRUE(open().take().keep(uses()).ok()); }
  std::ofstream(path("slices")) << "carrel-workspace 1\n";
  EXPECT_EQ(open().error().sys_errno, EBADMSG);
  EXPECT_FALSE(Workspace::sweep(fd_.get(), kName).value());
  EXPECT_TRUE(std::filesystem::exists(path("slices")));
}

TEST_F(WorkspaceFolders, AreSweptOnlyWhenNewAndNobodys) {
  {
    auto workspace = open();
    ASSERT_TRUE(workspace.ok());
    EXPECT_FALSE(Workspace::sweep(fd_.get(), kName).value());
  }
  EXPECT_TRUE(Workspace::sweep(fd_.get(), kName).value());
  EXPECT_FALSE(std::filesystem::exists(folder_ / kName));
  EXPECT_FALSE(Workspace::sweep(fd_.get(), kName).value());
  { ASSERT_TRUE(open().take().keep(uses()).ok()); }
  EXPECT_FALSE(Workspace::sweep(fd_.get(), kName).value());
}

}  // namespace
}  // namespace carrel::service
