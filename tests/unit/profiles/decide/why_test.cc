#include "profiles/decide/why.h"

#include <gtest/gtest.h>

#include "tests/unit/profiles/sample_profile.h"

namespace carrel::decide {
namespace {

class Foreseen : public ::testing::Test {
 protected:
  Foresight at(std::string_view path) const { return foresee(policy_, path, made_); }

  Policy policy_{tests::parsed(tests::with_repository(
      "read = [\"docs\"]\nwrite = [\"web/src\"]\nnever = [\"web/src/secrets\", \"docs/x\"]\n"))};
  MadePaths made_;
};

constexpr Decision kOpen{Verdict::kObserved, ""};

TEST_F(Foreseen, EntriesAllowWhatTheySay) {
  const Decision write{Verdict::kAllowed, "repository.app.write.web/src"};
  EXPECT_EQ(at("/workspaces/app/web/src"), (Foresight{write, write}));
  EXPECT_EQ(at("/workspaces/app/web/src/not/there"), (Foresight{write, write}));
  EXPECT_EQ(at("/workspaces/app/docs/guide.md"),
            (Foresight{{Verdict::kAllowed, "repository.app.read.docs"},
                       {Verdict::kDenied, "repository.app.read.docs"}}));
}

TEST_F(Foreseen, WhatIsNotExposedAndNeversAreDenied) {
  const Decision none{Verdict::kDenied, "repository.app"};
  EXPECT_EQ(at("/workspaces/app/billing"), (Foresight{none, none}));
  EXPECT_EQ(at("/workspaces/app/web/src/secrets/key").read,
            (Decision{Verdict::kDenied, "repository.app.never.web/src/secrets"}));
  EXPECT_EQ(at("/workspaces/app/docs/x").read,
            (Decision{Verdict::kDenied, "repository.app.never.docs/x"}));
  EXPECT_EQ(at("/etc/shadow").read, (Decision{Verdict::kDenied, kHostFilesRule}));
}

TEST_F(Foreseen, OfTheWorkspacesOwnNothingIsSaid) {
  for (const char* path :
       {"/", "/tmp/x", "/home/contractor/.bashrc", "/workspaces/app", "/workspaces/app/web",
        "/workspaces/app/.git/config", "/workspaces/other"})
    EXPECT_EQ(at(path), (Foresight{kOpen, kOpen})) << path;
  EXPECT_TRUE(made_.add("/workspaces/app/own"));
  EXPECT_EQ(at("/workspaces/app/own/file"), (Foresight{kOpen, kOpen}));
}

/// Foreseen is what the table says when it is tried.
TEST_F(Foreseen, AgreesWithTheAttempt) {
  for (const char* path : {"/workspaces/app/docs/a", "/workspaces/app/billing",
                           "/workspaces/app/web/src/a", "/etc/shadow", "/tmp/x"}) {
    const FileAttempt read{.operation = Operation::kOpenRead,
                           .path = path,
                           .other = "",
                           .error = ENOENT,
                           .made = &made_};
    EXPECT_EQ(at(path).read.verdict == Verdict::kDenied,
              decide_file(policy_, read).verdict == Verdict::kDenied)
        << path;
    const FileAttempt write{.operation = Operation::kOpenWrite,
                            .path = path,
                            .other = "",
                            .error = EROFS,
                            .made = &made_};
    EXPECT_EQ(at(path).change.verdict == Verdict::kDenied,
              decide_file(policy_, write).verdict == Verdict::kDenied)
        << path;
  }
}

}  // namespace
}  // namespace carrel::decide
