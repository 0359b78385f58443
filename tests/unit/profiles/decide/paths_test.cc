#include <gtest/gtest.h>

#include <string>

#include "profiles/decide/host_files.h"
#include "profiles/decide/made_paths.h"
#include "profiles/decide/normalise_path.h"

namespace carrel::decide {
namespace {

TEST(NormalisePath, ResolvesByNameAlone) {
  const struct {
    const char* cwd;
    const char* path;
    const char* expected;
  } rows[] = {
      {"/", "/", "/"},
      {"/", "", "/"},
      {"/a/b", "", "/a/b"},
      {"/a/b", ".", "/a/b"},
      {"/a/b", "c", "/a/b/c"},
      {"/a/b", "./c/../d//e/", "/a/b/d/e"},
      {"/a/b", "..", "/a"},
      {"/a/b", "../..", "/"},
      {"/a/b", "../../../..", "/"},
      {"/a/b", "/x/./y", "/x/y"},
      {"/a/b", "//x//y//", "/x/y"},
      {"/a/b", "/../etc/shadow", "/etc/shadow"},
      {"/a/../c/", "d", "/c/d"},
      {"", "d", "/d"},
      {"/", "..a/...", "/..a/..."},
      {"/\xff", "\x01", "/\xff/\x01"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(normalise_path(row.cwd, row.path), row.expected) << row.cwd << " + " << row.path;
  }
}

TEST(MadePaths, CoversWhatLiesBelow) {
  MadePaths made;
  EXPECT_FALSE(made.covers("/a"));
  EXPECT_TRUE(made.add("/a/b"));
  EXPECT_TRUE(made.covers("/a/b"));
  EXPECT_TRUE(made.covers("/a/b/c/d"));
  EXPECT_FALSE(made.covers("/a"));
  EXPECT_FALSE(made.covers("/a/bc"));
  EXPECT_FALSE(made.covers("/"));
  EXPECT_FALSE(made.covers(""));
  EXPECT_FALSE(made.covers("a/b"));
}

TEST(MadePaths, StoresNothingBelowAnotherPath) {
  MadePaths made;
  made.add("/a");
  EXPECT_TRUE(made.add("/a/b"));
  EXPECT_EQ(made.size(), 1U);
}

TEST(MadePaths, RefusesTheRootAndRelativePaths) {
  MadePaths made;
  EXPECT_FALSE(made.add("/"));
  EXPECT_FALSE(made.add(""));
  EXPECT_FALSE(made.add("a"));
  EXPECT_EQ(made.size(), 0U);
}

TEST(MadePaths, IsBoundedInPathsAndBytes) {
  MadePaths few(2);
  EXPECT_TRUE(few.add("/a"));
  EXPECT_TRUE(few.add("/b"));
  EXPECT_FALSE(few.overflowed());
  EXPECT_FALSE(few.add("/c"));
  EXPECT_TRUE(few.overflowed());
  EXPECT_FALSE(few.covers("/c"));
  EXPECT_TRUE(few.add("/a/x"));
  MadePaths small(100, 10);
  EXPECT_TRUE(small.add("/12345678"));
  EXPECT_FALSE(small.add("/9"));
  EXPECT_TRUE(small.overflowed());
}

TEST(HostFiles, MatchTheirRowsOnly) {
  for (const char* path : {"/etc/shadow",
                           "/etc/shadow-",
                           "/etc/gshadow",
                           "/etc/sudoers",
                           "/etc/sudoers.d/x",
                           "/root",
                           "/root/.ssh",
                           "/home/lena",
                           "/home/lena/.ssh/id_rsa",
                           "/home/contractor2",
                           "/var/run/docker.sock",
                           "/run/docker.sock",
                           "/var/run/containerd/containerd.sock",
                           "/etc/ssh/ssh_host_ed25519_key",
                           "/etc/ssh/ssh_host_rsa_key",
                           "/proc/kcore",
                           "/dev/mem",
                           "/dev/kmem",
                           "/dev/sda",
                           "/dev/sda1",
                           "/dev/nvme0n1",
                           "/dev/dm-0",
                           "/sys/kernel/debug",
                           "/sys/kernel/debug/tracing",
                           "/var/lib/carrel/store",
                           "/proc/self/root/etc/shadow",
                           "/proc/1/root/root/x",
                           "/proc/thread-self/root/proc/77/root/etc/shadow",
                           "/var/run/secrets/token"}) {
    EXPECT_NE(find_host_file(path), nullptr) << path;
  }
  for (const char* path : {"/",
                           "",
                           "/etc",
                           "/etc/passwd",
                           "/etc/shadow2",
                           "/etc/shadowy/x",
                           "/rooted",
                           "/home",
                           "/home/",
                           "/home/contractor",
                           "/home/contractor/.bashrc",
                           "/etc/ssh/ssh_host_ed25519_key.pub",
                           "/etc/ssh/ssh_config",
                           "/etc/ssh/ssh_host_/x_key",
                           "/etc/ssh/ssh_host__key",
                           "/run",
                           "/var/run",
                           "/var/run/nscd/socket",
                           "/dev/null",
                           "/dev/sd",
                           "/dev/tty",
                           "/dev/shm",
                           "/proc/self/root",
                           "/proc/self/rooted/etc/shadow",
                           "/proc/self/status",
                           "/proc/x/root/etc/shadow",
                           "/run/carrel/credentials/ci/token",
                           "/etc/ssl/certs/x",
                           "/tmp/etc/shadow",
                           "etc/shadow"}) {
    EXPECT_EQ(find_host_file(path), nullptr) << path;
  }
}

TEST(HostFiles, AllHaveAReasonAndAnAbsolutePath) {
  for (const HostFile& row : host_files()) {
    EXPECT_FALSE(row.reason.empty()) << row.path;
    EXPECT_TRUE(row.path.starts_with('/')) << row.path;
    EXPECT_EQ(row.match == HostFileMatch::kPrefixSuffix, !row.suffix.empty()) << row.path;
    const std::string sample = std::string(row.path) +
                               (row.match == HostFileMatch::kTree ? "" : "0") +
                               std::string(row.suffix);
    ASSERT_NE(find_host_file(sample), nullptr) << sample;
    EXPECT_EQ(find_host_file(sample)->reason, row.reason) << sample;
  }
}

}  // namespace
}  // namespace carrel::decide
