#include "profiles/decide/git_requests.h"

#include <gtest/gtest.h>

#include <string>

namespace carrel::decide {
namespace {

model::HttpRule plain(const char* method, std::string path) {
  model::HttpRule rule;
  rule.methods = {{method, {}}};
  rule.path = std::move(path);
  return rule;
}

model::HttpRule fetch_of(std::string repository) {
  model::HttpRule rule;
  rule.preset = "git-fetch";
  rule.repository = std::move(repository);
  rule.path.clear();
  return rule;
}

TEST(GitRequests, AreKnownByTheirLastComponents) {
  for (const char* path :
       {"/acme/w/git-receive-pack", "/acme/w.git/git-upload-pack", "/w/git-upload-archive",
        "/git-receive-pack", "/acme/w/git-receive-pack/", "/acme/w/Git-Receive-Pack",
        "/acme/w%2Fgit-receive-pack"}) {
    EXPECT_TRUE(is_git_request(path, false)) << path;
    EXPECT_TRUE(is_git_request(path, true)) << path;
  }
  for (const char* path : {"/acme/w/info/refs", "/info/refs/", "/a/INFO/refs"}) {
    EXPECT_TRUE(is_git_request(path, true)) << path;
    EXPECT_FALSE(is_git_request(path, false)) << path << ": files of the repository, as any other";
  }
  for (const char* path :
       {"/", "/refs", "/acme/w/refs", "/acme/w/info", "/acme/w/xgit-receive-pack",
        "/acme/git-receive-pack/x", "/acme/w/info/refs/heads", "/*", "/**", "/a/*/refs"})
    EXPECT_FALSE(is_git_request(path, true)) << path;
}

TEST(GitRequests, MayBeMatchedByAPattern) {
  for (const char* path : {"/**", "/a/**", "/*", "/a/*/*", "/a/git-receive-pack", "/a/*/refs",
                           "/a/info/refs", "/a/info/*", "/*/"})
    EXPECT_TRUE(may_be_git(plain("POST", path))) << path;
  for (const char* path : {"/", "/a", "/*/a", "/a/refs", "/a/info"})
    EXPECT_FALSE(may_be_git(plain("POST", path))) << path;
  EXPECT_FALSE(may_be_git(fetch_of("/a/b")));
}

TEST(GitRequests, OverlapWithAPresetsRepositoryInBothItsSpellings) {
  const model::HttpRule preset = fetch_of("/a/b");
  for (const char* path :
       {"/**", "/a/**", "/a/b/*", "/a/b.git/*", "/*/*/git-receive-pack", "/a/b/git-upload-pack"})
    EXPECT_EQ(overlap_of(plain("POST", path), preset), GitOverlap::kBodies) << path;
  EXPECT_EQ(overlap_of(plain("GET", "/**"), preset), GitOverlap::kDiscovery);
  EXPECT_EQ(overlap_of(plain("GET", "/a/b.git/info/*"), preset), GitOverlap::kDiscovery);
  EXPECT_EQ(overlap_of(plain("PUT", "/**"), preset), GitOverlap::kNone);
  for (const char* path : {"/a/c/**", "/a/b/raw/**", "/a/b", "/api/**"}) {
    EXPECT_EQ(overlap_of(plain("POST", path), preset), GitOverlap::kNone) << path;
    EXPECT_EQ(overlap_of(plain("GET", path), preset), GitOverlap::kNone) << path;
  }
  EXPECT_EQ(overlap_of(preset, preset), GitOverlap::kNone);
  EXPECT_EQ(overlap_of(plain("POST", "/**"), plain("POST", "/**")), GitOverlap::kNone);
}

}  // namespace
}  // namespace carrel::decide
