#include "launcher/service/folders.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "profiles/base/check.h"
#include "tests/support/folder.h"

namespace carrel::service {
namespace {

class Folders : public ::testing::Test {
 protected:
  void put(const std::string& path, const std::string& text) {
    const UniqueFd file(openat(fd_.get(), path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    CHECK(file.valid() &&
          write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  void folder(const std::string& path) { CHECK(mkdirat(fd_.get(), path.c_str(), 0755) == 0); }
  void link(const std::string& target, const std::string& path) {
    CHECK(symlinkat(target.c_str(), fd_.get(), path.c_str()) == 0);
  }
  bool there(const std::string& path) {
    return faccessat(fd_.get(), path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
  }

  support::Folder files_;
  UniqueFd fd_{open(files_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
};

TEST_F(Folders, RemovesATreeWithAnyNamesAndFollowsNoLink) {
  folder("outside");
  put("outside/kept", "x");
  folder("work");
  folder("work/a");
  folder("work/a/\x1b[2J\xff name");
  put("work/a/\x1b[2J\xff name/file\n", "x");
  link("../outside", "work/away");
  link("/", "work/a/root");
  ASSERT_TRUE(remove_tree(fd_.get(), "work").ok());
  EXPECT_FALSE(there("work"));
  EXPECT_TRUE(there("outside/kept"));
}

TEST_F(Folders, RefusesToRemoveThroughALink) {
  folder("outside");
  put("outside/kept", "x");
  link("outside", "work");
  const Status removed = remove_tree(fd_.get(), "work");
  ASSERT_FALSE(removed.ok());
  EXPECT_TRUE(there("outside/kept"));
}

TEST_F(Folders, OpensBeneathOnly) {
  folder("in");
  put("in/file", "x");
  put("secret", "x");
  link("../secret", "in/away");
  const UniqueFd in(openat(fd_.get(), "in", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  EXPECT_TRUE(open_beneath(in.get(), "file", O_RDONLY).ok());
  EXPECT_EQ(open_beneath(in.get(), "../secret", O_RDONLY).error().sys_errno, EXDEV);
  EXPECT_EQ(open_beneath(in.get(), "away", O_RDONLY).error().sys_errno, ELOOP);
  EXPECT_EQ(open_beneath(in.get(), "/etc/passwd", O_RDONLY).error().sys_errno, EXDEV);
}

TEST_F(Folders, NeverTakesAFolderOver) {
  ASSERT_TRUE(make_workspace_folder(fd_.get(), "one", FolderOwner::kRoot).ok());
  EXPECT_EQ(make_workspace_folder(fd_.get(), "one", FolderOwner::kRoot).error().sys_errno, EEXIST);
}

TEST_F(Folders, ReadTheManifestAsHostileBytes) {
  folder("slice");
  const auto open_it = [this] {
    return open_sliced("app", UniqueFd(openat(fd_.get(), "slice", O_PATH | O_CLOEXEC)));
  };
  EXPECT_EQ(open_it().error().sys_errno, ENOENT);
  link("/etc/passwd", "slice/manifest");
  EXPECT_EQ(open_it().error().sys_errno, ELOOP);
  ASSERT_EQ(unlinkat(fd_.get(), "slice/manifest", 0), 0);
  ASSERT_EQ(mkfifoat(fd_.get(), "slice/manifest", 0644), 0);
  EXPECT_FALSE(open_it().ok());  // and does not wait for a writer
  ASSERT_EQ(unlinkat(fd_.get(), "slice/manifest", 0), 0);
  manifest::Manifest manifest;
  manifest.commit = std::string(40, 'a');
  manifest.source = std::string(40, 'b');
  manifest.read_only = {{"docs", true}};
  put("slice/manifest", manifest::format_manifest(manifest));
  auto sliced = open_it();
  ASSERT_TRUE(sliced.ok()) << to_string(sliced.error());
  EXPECT_EQ(sliced.value().head.read_only, manifest.read_only);
}

}  // namespace
}  // namespace carrel::service
