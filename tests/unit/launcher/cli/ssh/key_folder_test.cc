#include "launcher/cli/ssh/key_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/folder.h"

namespace carrel::ssh_cli {
namespace {

using ::testing::HasSubstr;

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

mode_t mode_of(const std::string& path) {
  struct stat what {};
  EXPECT_EQ(lstat(path.c_str(), &what), 0) << path;
  return what.st_mode & 07777;
}

struct Home {
  [[nodiscard]] std::string keys() const { return folder / "state/carrel-ssh"; }
  [[nodiscard]] std::string file(const std::string& name) const {
    return keys() + "/carrel-fix/" + name;
  }
  [[nodiscard]] ssh::PublicKey key() const {
    return KeyFolder::open(keys(), "carrel-fix").take().own_key().take();
  }
  support::Folder folder;
};

TEST(KeyFolder, IsWhereXdgOrHomeSay) {
  EXPECT_EQ(keys_path("/x", "/h").take(), "/x/carrel-ssh");
  EXPECT_EQ(keys_path("/x//", "/h").take(), "/x/carrel-ssh");
  EXPECT_EQ(keys_path("", "/h").take(), "/h/.local/state/carrel-ssh");
  EXPECT_EQ(keys_path("relative", "/h").take(), "/h/.local/state/carrel-ssh");
  EXPECT_EQ(keys_path("/", "").take(), "/carrel-ssh");
  EXPECT_FALSE(keys_path("", "").ok());
  EXPECT_FALSE(keys_path("", "h").ok());
}

TEST(KeyFolder, MakesAKeyOnceForItsOwnerAlone) {
  const Home home;
  const ssh::PublicKey key = home.key();
  EXPECT_EQ(mode_of(home.keys()), 0700U);
  EXPECT_EQ(mode_of(home.keys() + "/carrel-fix"), 0700U);
  EXPECT_EQ(mode_of(home.file("key")), 0600U);
  EXPECT_EQ(ssh::parse_private_file(slurp(home.file("key"))).value().key.public_key(), key);
  EXPECT_EQ(home.key(), key);
}

TEST(KeyFolder, ReplacesAKeyThatIsNone) {
  const Home home;
  ssh::PublicKey last = home.key();
  const auto expect_new = [&] {
    const ssh::PublicKey now = home.key();
    EXPECT_NE(now, last);
    EXPECT_EQ(mode_of(home.file("key")), 0600U);
    last = now;
  };
  std::filesystem::permissions(home.file("key"), std::filesystem::perms(0640));
  expect_new();
  std::ofstream(home.file("key")) << "half a ke";
  expect_new();
  std::ofstream(home.file("key")) << std::string(100'000, 'x');
  expect_new();
  // A link to somebody's good key, a pipe that would be waited for.
  std::filesystem::rename(home.file("key"), home.folder / "elsewhere");
  std::filesystem::create_symlink(home.folder / "elsewhere", home.file("key"));
  const std::string elsewhere = slurp(home.folder / "elsewhere");
  expect_new();
  EXPECT_EQ(slurp(home.folder / "elsewhere"), elsewhere);
  std::filesystem::remove(home.file("key"));
  ASSERT_EQ(mkfifo(home.file("key").c_str(), 0600), 0);
  expect_new();
}

TEST(KeyFolder, ReplacesFilesWhole) {
  const Home home;
  KeyFolder folder = KeyFolder::open(home.keys(), "carrel-fix").take();
  ASSERT_TRUE(folder.replace("known_hosts", "one\n").ok());
  std::filesystem::create_symlink(home.folder / "elsewhere", home.file("known_hosts.new"));
  std::filesystem::remove(home.file("known_hosts"));
  std::filesystem::create_symlink(home.folder / "elsewhere", home.file("known_hosts"));
  ASSERT_TRUE(folder.replace("known_hosts", "two\n").ok());
  EXPECT_EQ(slurp(home.file("known_hosts")), "two\n");
  EXPECT_FALSE(std::filesystem::is_symlink(home.file("known_hosts")));
  EXPECT_FALSE(std::filesystem::exists(home.folder / "elsewhere"));
  EXPECT_FALSE(std::filesystem::exists(home.file("known_hosts.new")));
  std::filesystem::remove(home.file("known_hosts"));
  std::filesystem::create_directory(home.file("known_hosts"));
  const Status status = folder.replace("known_hosts", "three\n");
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(to_string(status.error()), HasSubstr("/carrel-fix/known_hosts: EISDIR"));
}

TEST(KeyFolder, FollowsNoLink) {
  const Home home;
  std::filesystem::create_directories(home.keys());
  std::filesystem::create_directory(home.folder / "elsewhere");
  std::filesystem::create_symlink(home.folder / "elsewhere", home.keys() + "/carrel-fix");
  auto opened = KeyFolder::open(home.keys(), "carrel-fix");
  ASSERT_FALSE(opened.ok());
  EXPECT_THAT(to_string(opened.error()), HasSubstr("ENOTDIR"));
  std::filesystem::remove_all(home.keys());
  std::filesystem::create_symlink(home.folder / "elsewhere", home.keys());
  EXPECT_FALSE(KeyFolder::open(home.keys(), "carrel-fix").ok());
  EXPECT_TRUE(std::filesystem::is_empty(home.folder / "elsewhere"));
}

TEST(KeyFolder, TakesNobodyElsesFolder) {
  if (geteuid() != 0) return;  // the run as root has shown it
  const Home home;
  (void)home.key();
  for (const std::string& path :
       {home.folder / "state", home.keys(), home.keys() + "/carrel-fix"}) {
    if (chown(path.c_str(), 12345, 12345) != 0) continue;  // in a user namespace of one id
    const auto opened = KeyFolder::open(home.keys(), "carrel-fix");
    ASSERT_FALSE(opened.ok()) << path;
    EXPECT_THAT(opened.error().what, HasSubstr(path + " belongs to uid 12345: set XDG_STATE_HOME"));
    ASSERT_EQ(chown(path.c_str(), 0, 0), 0);
  }
}

// As root in somebody's home: neither a folder of theirs nor where their link leads gets anything.
TEST(KeyFolder, MakesNothingWhereAnotherUserCouldLead) {
  if (geteuid() != 0) return;  // the run as root has shown it
  const support::Folder folder;
  std::filesystem::create_directories(folder / "home");
  std::filesystem::create_directories(folder / "roots");
  std::filesystem::create_directory_symlink(folder / "roots", folder / "home/.local");
  if (chown((folder / "home").c_str(), 12345, 12345) != 0) return;  // a user namespace of one id
  const auto linked = KeyFolder::open(folder / "home/.local/state/carrel-ssh", "carrel-fix");
  ASSERT_FALSE(linked.ok());
  EXPECT_TRUE(std::filesystem::is_empty(folder / "roots"));
  const auto theirs = KeyFolder::open(folder / "home/state/carrel-ssh", "carrel-fix");
  ASSERT_FALSE(theirs.ok());
  EXPECT_THAT(to_string(theirs.error()), HasSubstr("belongs to uid 12345"));
  EXPECT_FALSE(std::filesystem::exists(folder / "home/state"));
  // A link of root's own is as good as the folder.
  std::filesystem::create_directory_symlink(folder / "roots", folder / "way");
  EXPECT_TRUE(KeyFolder::open(folder / "way/state/carrel-ssh", "carrel-fix").ok());
}

TEST(KeyFolder, IsOneCallersAtATime) {
  const Home home;
  const KeyFolder held = KeyFolder::open(home.keys(), "carrel-fix").take();
  const auto other = KeyFolder::open(home.keys(), "carrel-fix", 50);
  ASSERT_FALSE(other.ok());
  EXPECT_THAT(other.error().what, HasSubstr("another `carrel connect --prepare` is at the folder"));
  EXPECT_TRUE(KeyFolder::open(home.keys(), "carrel-other", 50).ok());
}

}  // namespace
}  // namespace carrel::ssh_cli
