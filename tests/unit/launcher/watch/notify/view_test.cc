#include "launcher/watch/notify/view.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "tests/support/folder.h"

namespace carrel::notify {
namespace {

class NotifyView : public testing::Test {
 protected:
  void SetUp() override {
    const std::string root = folder_.path();
    ASSERT_EQ(mkdir((root + "/d").c_str(), 0755), 0);
    const UniqueFd file(open((root + "/d/f").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    ASSERT_TRUE(file.valid());
    ASSERT_EQ(symlink("/d/f", (root + "/link").c_str()), 0);  // absolute: of this root
    ASSERT_EQ(symlink("../../../../../etc/passwd", (root + "/out").c_str()), 0);
    ASSERT_EQ(mkfifo((root + "/pipe").c_str(), 0600), 0);
    view_.emplace(UniqueFd(open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)));
  }
  [[nodiscard]] Seen look(const std::string& path, View::Last last = View::Last::kFollow) const {
    return view_->look(path, last, true);
  }
  support::Folder folder_;
  std::optional<View> view_;
};

TEST_F(NotifyView, SeesWhatIsBelowItsRoot) {
  const Seen seen = look("/d/f");
  EXPECT_EQ(seen.error, 0);
  EXPECT_TRUE(S_ISREG(seen.mode));
  EXPECT_TRUE(seen.path.ends_with("/d/f"));
  struct stat what {};
  ASSERT_EQ(stat((folder_.path() + "/d/f").c_str(), &what), 0);
  EXPECT_EQ(seen.file.inode, what.st_ino);
}

TEST_F(NotifyView, FollowsLinksWithinItsRootOnly) {
  EXPECT_EQ(look("/link").error, 0);
  EXPECT_TRUE(S_ISLNK(look("/link", View::Last::kAsItIs).mode));
  EXPECT_EQ(look("/out").error, ENOENT);
  EXPECT_EQ(look("/../../../etc/passwd").error, ENOENT);
}

TEST_F(NotifyView, SaysWhatIsMissingAndWhetherItCouldBeMade) {
  Seen seen = look("/d/none");
  EXPECT_EQ(seen.error, ENOENT);
  EXPECT_TRUE(seen.parent_there);
  seen = look("/none/none");
  EXPECT_EQ(seen.error, ENOENT);
  EXPECT_FALSE(seen.parent_there);
  EXPECT_EQ(look("/d/f/below").error, ENOTDIR);
}

TEST_F(NotifyView, OpensNothing) {
  EXPECT_TRUE(S_ISFIFO(look("/pipe").mode));  // an open for reading would wait for a writer
}

TEST_F(NotifyView, NamesThatDependOnTheAskerAreUnclear) {
  EXPECT_TRUE(look("/proc/self/fd/1").unclear);
  EXPECT_TRUE(look("/dev/stdin").unclear);
}

}  // namespace
}  // namespace carrel::notify
