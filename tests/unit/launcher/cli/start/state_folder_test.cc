#include "launcher/cli/start/state_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/support/folder.h"

namespace carrel::start {
namespace {

/// Which of the folders the descriptor is of.
ino_t inode_of(const UniqueFd& folder) {
  struct stat what {};
  return folder.valid() && fstat(folder.get(), &what) == 0 ? what.st_ino : 0;
}

ino_t inode_of(const std::string& path) {
  struct stat what {};
  return stat(path.c_str(), &what) == 0 ? what.st_ino : 0;
}

TEST(NearestFolder, IsTheFolderItselfOrTheOneAboveThatIsThere) {
  const support::Folder above;
  EXPECT_EQ(inode_of(nearest_folder(above / "a/b/c")), inode_of(above.path()));
  ASSERT_EQ(mkdir((above / "a").c_str(), 0700), 0);
  EXPECT_EQ(inode_of(nearest_folder(above / "a/b/c")), inode_of(above / "a"));
  EXPECT_EQ(inode_of(nearest_folder(above / "a")), inode_of(above / "a"));
  EXPECT_EQ(inode_of(nearest_folder("/carrel-is-not-there")), inode_of(std::string("/")));
}

TEST(NearestFolder, IsNoneBelowAFile) {
  const support::Folder above;
  fclose(fopen((above / "file").c_str(), "w"));
  EXPECT_FALSE(nearest_folder(above / "file/a").valid());
}

}  // namespace
}  // namespace carrel::start
