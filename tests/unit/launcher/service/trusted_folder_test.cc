#include "launcher/service/trusted_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "tests/support/folder.h"
#include "tests/support/require.h"

namespace carrel::service {
namespace {

namespace fs = std::filesystem;

int error_of(const std::string& path) {
  const auto opened = open_trusted_folder(path);
  return opened.ok() ? 0 : opened.error().sys_errno;
}

TEST(TrustedFolder, OpensWhatNobodyElseCouldHaveExchanged) {
  const support::Folder folder;
  fs::create_directories(folder / "a/b");
  EXPECT_EQ(error_of(folder / "a/b"), 0);
  EXPECT_EQ(error_of(folder / "a/./b//"), 0);
  EXPECT_EQ(error_of(folder / "a/b/../b"), 0);
  EXPECT_EQ(error_of(folder / "a/none"), ENOENT);
  EXPECT_EQ(error_of("a/b"), EINVAL);
  EXPECT_EQ(error_of(""), EINVAL);
  EXPECT_EQ(error_of(std::string("/tmp\0x", 6)), EINVAL);
}

TEST(TrustedFolder, FollowsNoLink) {
  const support::Folder folder;
  fs::create_directories(folder / "a/b");
  fs::create_directory_symlink(folder / "a", folder / "link");
  fs::create_directory_symlink(folder / "a/b", folder / "end");
  EXPECT_EQ(error_of(folder / "link/b"), ELOOP);
  EXPECT_EQ(error_of(folder / "end"), ELOOP);
  // Of what a kernel would pass through, text sees nothing: there is no link on the way then.
  EXPECT_EQ(error_of(folder / "link/../a/b"), 0);
}

TEST(TrustedFolder, IsBelowNothingThatOthersWrite) {
  const support::Folder folder;
  fs::create_directories(folder / "a/b");
  for (const mode_t mode : {0777U, 0775U, 0757U}) {
    ASSERT_EQ(chmod((folder / "a").c_str(), mode), 0);
    EXPECT_EQ(error_of(folder / "a/b"), EPERM) << std::oct << mode;
  }
  ASSERT_EQ(chmod((folder / "a").c_str(), 01777), 0);  // as /tmp: each their own
  EXPECT_EQ(error_of(folder / "a/b"), 0);
  ASSERT_EQ(chmod((folder / "a").c_str(), 0755), 0);
  ASSERT_EQ(chmod((folder / "a/b").c_str(), 0777), 0);  // what lies in it is the task's matter
  EXPECT_EQ(error_of(folder / "a/b"), 0);
}

TEST(TrustedFolder, IsBelowNothingOfAnotherOwners) {
  REQUIRE_FEATURE("root", geteuid() == 0);
  const support::Folder folder;
  fs::create_directories(folder / "a/b");
  ASSERT_EQ(chown((folder / "a").c_str(), 12345, 12345), 0);
  EXPECT_EQ(error_of(folder / "a/b"), EPERM);  // root's, below another's
  ASSERT_EQ(chown((folder / "a/b").c_str(), 12345, 12345), 0);
  EXPECT_EQ(error_of(folder / "a/b"), 0);  // all their own
  ASSERT_EQ(chown((folder / "a/b").c_str(), 12346, 12346), 0);
  EXPECT_EQ(error_of(folder / "a/b"), EPERM);
  EXPECT_EQ(open_trusted_folder(folder / "a", 0).error().sys_errno, EPERM);
  EXPECT_TRUE(open_trusted_folder(folder.path(), 0).ok());
}

TEST(TrustedFolder, IsMadeForRoot) {
  REQUIRE_FEATURE("root", geteuid() == 0);
  const support::Folder folder;
  EXPECT_TRUE(make_roots_folder(folder / "x/y").ok());
  EXPECT_TRUE(make_roots_folder(folder / "x/y").ok());
  ASSERT_EQ(chown((folder / "x").c_str(), 12345, 12345), 0);
  EXPECT_FALSE(make_roots_folder(folder / "x/y").ok());
  EXPECT_FALSE(make_roots_folder(folder / "x").ok());
}

TEST(TrustedFolder, OfATaskIsWhereItsProfileSays) {
  EXPECT_EQ(task_source("/srv/git/app", "/etc/carrel/fix.toml"), "/srv/git/app");
  EXPECT_EQ(task_source("app", "/etc/carrel/fix.toml"), "/etc/carrel/app");
  EXPECT_EQ(task_source("../app", "/etc/carrel/fix.toml"), "/etc/carrel/../app");
}

}  // namespace
}  // namespace carrel::service
