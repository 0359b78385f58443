#include "profiles/decide/pattern.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace carrel::decide {
namespace {

TEST(Pattern, MatchesPathsByComponents) {
  EXPECT_TRUE(matches_path("/**", "/"));
  EXPECT_TRUE(matches_path("/**", "/a/b"));
  EXPECT_TRUE(matches_path("/", "/"));
  EXPECT_TRUE(matches_path("/a/*", "/a/b"));
  EXPECT_TRUE(matches_path("/a/*/c", "/a/b/c"));
  EXPECT_TRUE(matches_path("/a/**", "/a/"));
  EXPECT_TRUE(matches_path("/a/**", "/a/b/c"));
  EXPECT_FALSE(matches_path("/a/**", "/a"));
  EXPECT_FALSE(matches_path("/a/**", "/ab/c"));
  EXPECT_FALSE(matches_path("/a/*", "/a/"));
  EXPECT_FALSE(matches_path("/a/*", "/a/b/c"));
  EXPECT_FALSE(matches_path("/a", "/a/"));
  EXPECT_FALSE(matches_path("/a/", "/a"));
  EXPECT_FALSE(matches_path("/a", "/A"));
  EXPECT_FALSE(matches_path("/**", ""));
  EXPECT_FALSE(matches_path("/**", "a"));
  EXPECT_FALSE(matches_path("", "/"));
}

TEST(Pattern, MatchesWholePaths) {
  const std::array<std::array<const char*, 2>, 14> good = {{{"/**", "/"},
                                                            {"/**", "/a"},
                                                            {"/**", "/a/b/"},
                                                            {"/a", "/a"},
                                                            {"/a/", "/a/"},
                                                            {"/*", "/a"},
                                                            {"/a/*", "/a/b"},
                                                            {"/*/b", "/a/b"},
                                                            {"/a/*/c", "/a/b/c"},
                                                            {"/a/**", "/a/b"},
                                                            {"/a/**", "/a/b/c"},
                                                            {"/a/**", "/a/"},
                                                            {"/a/*/**", "/a/b/c/d"},
                                                            {"/a/*", "/a/*"}}};
  for (const auto& [pattern, path] : good)
    EXPECT_TRUE(matches_path(pattern, path)) << pattern << " " << path;
  const std::array<std::array<const char*, 2>, 14> bad = {{{"/a", "/b"},
                                                           {"/a", "/a/"},
                                                           {"/a/", "/a"},
                                                           {"/a", "/ab"},
                                                           {"/a", "/A"},
                                                           {"/a", "/a/b"},
                                                           {"/a/b", "/a"},
                                                           {"/*", "/"},
                                                           {"/*", "/a/b"},
                                                           {"/a/*", "/a/"},
                                                           {"/a/*", "/a"},
                                                           {"/a/**", "/a"},
                                                           {"/a/**", "/ab/c"},
                                                           {"/", "/a"}}};
  for (const auto& [pattern, path] : bad)
    EXPECT_FALSE(matches_path(pattern, path)) << pattern << " " << path;
}

TEST(Pattern, TakesStarsInATextForWhatTheyAre) {
  EXPECT_TRUE(matches_path("/a/*", "/a/**"));
  EXPECT_TRUE(matches_path("/*", "/*"));
  EXPECT_FALSE(matches_path("/a/b", "/a/*"));
  EXPECT_FALSE(matches_path("/a/b", "/a/**"));
}

TEST(Pattern, MatchesRefs) {
  EXPECT_TRUE(matches_ref("refs/heads/contrib/*", "refs/heads/contrib/x"));
  EXPECT_TRUE(matches_ref("refs/heads/**", "refs/heads/contrib/x"));
  EXPECT_FALSE(matches_ref("refs/heads/contrib/*", "refs/heads/contrib/x/y"));
  EXPECT_FALSE(matches_ref("refs/heads/contrib/*", "refs/heads/contrib"));
  EXPECT_FALSE(matches_ref("refs/heads/contrib/**", "refs/heads/contrib/"));
  EXPECT_FALSE(matches_ref("refs/**", "HEAD"));
}

/// The two functions say the same of one definition: where one pattern lies within another, no path
/// is matched by the inner one alone; and where it does not, some path of these is (no pattern here
/// has a component that only others cover together).
TEST(Pattern, LiesWithinAnotherWhereEveryPathOfItDoes) {
  const std::vector<std::string> patterns = {"/**",    "/",     "/a",      "/a/",    "/*",  "/a/*",
                                             "/a/**",  "/*/b",  "/*/*",    "/a/b",   "/*/", "/*/**",
                                             "/a/*/b", "/a/b/", "/a/b/**", "/a/*/**"};
  const std::vector<std::string> parts = {"", "a", "b", "c"};
  std::vector<std::string> paths;
  for (const std::string& a : parts) {
    paths.push_back("/" + a);
    for (const std::string& b : parts) {
      paths.push_back("/" + a + "/" + b);
      for (const std::string& c : parts)
        paths.push_back("/" + a + "/" + b + "/" + c);
    }
  }
  int within = 0;
  for (const std::string& inner : patterns) {
    for (const std::string& outer : patterns) {
      bool covered = true;
      for (const std::string& path : paths)
        covered = covered && (!matches_path(inner, path) || matches_path(outer, path));
      EXPECT_EQ(is_pattern_within(inner, outer), covered) << inner << " in " << outer;
      within += covered ? 1 : 0;
    }
  }
  EXPECT_GT(within, 40);
}

}  // namespace
}  // namespace carrel::decide
