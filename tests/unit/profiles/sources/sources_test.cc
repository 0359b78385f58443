#include "profiles/sources/sources.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/support/folder.h"

namespace carrel::sources {
namespace {

class DiskLookup : public ::testing::Test {
 protected:
  DiskLookup() {
    std::filesystem::create_directories(path("library/base"));
    std::filesystem::create_directories(path("task/sub"));
    write("library/base/x.toml", "library");
    write("task/y.toml", "beside");
    write("outside.toml", "outside");
  }

  std::string path(const std::string& name) { return std::string(folder_.path()) + "/" + name; }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(path(name), std::ios::binary) << text;
  }
  Result<std::string> look(const std::string& name) {
    return disk_lookup(path("task/p.toml"), path("library"))(name);
  }

  support::Folder folder_;
};

TEST_F(DiskLookup, FindsTheLibraryAndTheFolder) {
  ASSERT_TRUE(look("base/x").ok()) << look("base/x").error().what;
  EXPECT_EQ(look("base/x").value(), "library");
  EXPECT_EQ(look("./y.toml").value(), "beside");
  EXPECT_EQ(look("base/y").error().sys_errno, ENOENT);
}

TEST_F(DiskLookup, LeavesNeitherFolder) {
  ASSERT_EQ(symlink("../outside.toml", path("task/link.toml").c_str()), 0);
  ASSERT_EQ(symlink("y.toml", path("task/inner.toml").c_str()), 0);
  ASSERT_EQ(symlink("../task", path("library/task").c_str()), 0);
  EXPECT_EQ(look("./link.toml").error().sys_errno, ELOOP);
  EXPECT_EQ(look("./inner.toml").error().sys_errno, ELOOP) << "no symbolic link at all";
  EXPECT_EQ(look("task/y").error().sys_errno, ELOOP);
  for (const char* name : {"../outside", "./../outside.toml", "/etc/passwd", "./sub/y.toml", ""})
    EXPECT_FALSE(look(name).ok()) << name;
}

TEST_F(DiskLookup, ReadsOnlyRegularFilesOfABoundedSize) {
  ASSERT_EQ(mkfifo(path("task/fifo.toml").c_str(), 0600), 0);
  EXPECT_FALSE(look("./fifo.toml").ok());
  std::filesystem::create_directories(path("task/folder.toml"));
  EXPECT_FALSE(look("./folder.toml").ok());
  write("task/large.toml", std::string(parse::kMaxSourceBytes, '#'));
  EXPECT_TRUE(look("./large.toml").ok());
  write("task/larger.toml", std::string(parse::kMaxSourceBytes + 1, '#'));
  EXPECT_FALSE(look("./larger.toml").ok());
}

TEST(LibraryFolder, LiesBesideTheProgramsUnlessChosen) {
  unsetenv("CARREL_LIBRARY");
  EXPECT_EQ(library_folder("/opt/carrel"), "/opt/carrel/library");
  setenv("CARREL_LIBRARY", "/srv/library", 1);
  EXPECT_EQ(library_folder("/opt/carrel"), "/srv/library");
  setenv("CARREL_LIBRARY", "relative", 1);
  EXPECT_EQ(library_folder("/opt/carrel"), "/opt/carrel/library");
  unsetenv("CARREL_LIBRARY");
}

}  // namespace
}  // namespace carrel::sources
