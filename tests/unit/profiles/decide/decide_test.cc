#include "profiles/decide/decide.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <ostream>
#include <string>
#include <vector>

#include "tests/unit/profiles/sample_profile.h"

namespace carrel::decide {

std::ostream& operator<<(std::ostream& out, const Decision& decision) {
  return out << static_cast<int>(decision.verdict) << " \"" << decision.rule << '"';
}

namespace {

constexpr Operation kAll[] = {Operation::kOpenRead, Operation::kOpenWrite, Operation::kCreate,
                              Operation::kExec,     Operation::kEnter,     Operation::kProbe,
                              Operation::kRename,   Operation::kUnlink,    Operation::kMake};
constexpr Operation kAccesses[] = {Operation::kOpenRead, Operation::kOpenWrite, Operation::kCreate,
                                   Operation::kExec,     Operation::kEnter,     Operation::kProbe};
constexpr Operation kChanges[] = {Operation::kOpenWrite, Operation::kCreate, Operation::kRename,
                                  Operation::kUnlink, Operation::kMake};

constexpr Decision kCounted{Verdict::kCountOnly, ""};
constexpr Decision kSeen{Verdict::kObserved, ""};
constexpr Decision denied(std::string_view rule) {
  return {Verdict::kDenied, rule};
}
constexpr Decision allowed(std::string_view rule) {
  return {Verdict::kAllowed, rule};
}
constexpr Decision observed(std::string_view rule) {
  return {Verdict::kObserved, rule};
}

/// Slices app (read docs, package.json, lib/core; write web/src; never web/src/secrets, deploy,
/// docs/x) and app-2 (write lib).
class DecideFile : public ::testing::Test {
 protected:
  Decision decide(Operation operation, std::string_view path, int error,
                  std::string_view other = "") const {
    return decide_file(policy_, {operation, path, other, error, &made_});
  }

  Policy policy_{tests::parsed(tests::with_repository(
      "read = [\"docs\", \"package.json\", \"lib/core\"]\n"
      "write = [\"web/src\"]\n"
      "never = [\"web/src/secrets\", \"deploy\", \"docs/x\", \"hidden/deep\"]\n"
      "[[repository]]\nname = \"app-2\"\nsource = \"/s\"\nref = \"main\"\n"
      "write = [\"lib\"]\n"))};
  MadePaths made_;
};

TEST_F(DecideFile, DeniesFailedAccessToWhatIsNotExposed) {
  for (const Operation operation : kAccesses) {
    for (const int error : {ENOENT, EACCES, ENOTDIR, EPERM}) {
      for (const char* path :
           {"/workspaces/app/billing", "/workspaces/app/billing/a.c", "/workspaces/app/web/other",
            "/workspaces/app/docs2", "/workspaces/app/doc", "/workspaces/app/package.json.bak",
            "/workspaces/app/lib/cor", "/workspaces/app/lib/core2/x"}) {
        EXPECT_EQ(decide(operation, path, error), denied("repository.app")) << path << ' ' << error;
      }
    }
  }
  EXPECT_EQ(decide(Operation::kOpenRead, "/workspaces/app-2/docs/a", ENOENT),
            denied("repository.app-2"));
}

TEST_F(DecideFile, DoesNotDenyFailedChangesOfWhatIsNotExposed) {
  for (const Operation operation : {Operation::kUnlink, Operation::kRename, Operation::kMake}) {
    EXPECT_EQ(decide(operation, "/workspaces/app/billing", ENOENT), kCounted);
    EXPECT_EQ(decide(operation, "/workspaces/app/billing", EEXIST), kSeen);
  }
}

TEST_F(DecideFile, CountsMissesInEntriesAndTheirParents) {
  for (const Operation operation : kAll) {
    for (const char* path :
         {"/workspaces/app/docs/none", "/workspaces/app/docs", "/workspaces/app/web/src/none.h",
          "/workspaces/app/web", "/workspaces/app/lib", "/workspaces/app",
          "/workspaces/app/package.json", "/workspaces/app/package.json/x"}) {
      EXPECT_EQ(decide(operation, path, ENOENT), kCounted) << path;
      EXPECT_EQ(decide(operation, path, ENOTDIR), kSeen) << path;
    }
  }
}

TEST_F(DecideFile, DoesNotTakeTheParentOfANeverForAParentOfAnEntry) {
  EXPECT_EQ(decide(Operation::kEnter, "/workspaces/app/hidden", ENOENT), denied("repository.app"));
}

TEST_F(DecideFile, DeniesEveryFailureAtOrBelowANever) {
  for (const Operation operation : kAll) {
    for (const int error : {ENOENT, EACCES, EEXIST}) {
      EXPECT_EQ(decide(operation, "/workspaces/app/web/src/secrets", error),
                denied("repository.app.never.web/src/secrets"));
      EXPECT_EQ(decide(operation, "/workspaces/app/web/src/secrets/a/b", error),
                denied("repository.app.never.web/src/secrets"));
      EXPECT_EQ(decide(operation, "/workspaces/app/deploy", error),
                denied("repository.app.never.deploy"));
      EXPECT_EQ(decide(operation, "/workspaces/app/docs/x/y", error),
                denied("repository.app.never.docs/x"));
    }
  }
  EXPECT_EQ(decide(Operation::kOpenRead, "/workspaces/app/deploy2", ENOENT),
            denied("repository.app"));
}

TEST_F(DecideFile, DeniesANeverAlsoWhereTheContractorMadeIt) {
  made_.add("/workspaces/app/deploy");
  EXPECT_EQ(decide(Operation::kOpenRead, "/workspaces/app/deploy/a", ENOENT),
            denied("repository.app.never.deploy"));
  EXPECT_EQ(decide(Operation::kOpenRead, "/workspaces/app/deploy/a", 0),
            observed("repository.app.never.deploy"));
}

TEST_F(DecideFile, DeniesChangesBelowReadOnlyEntries) {
  for (const Operation operation : kChanges) {
    for (const int error : {EROFS, EACCES}) {
      EXPECT_EQ(decide(operation, "/workspaces/app/docs/a.md", error),
                denied("repository.app.read.docs"));
      EXPECT_EQ(decide(operation, "/workspaces/app/package.json", error),
                denied("repository.app.read.package.json"));
    }
    const bool takes_away = operation == Operation::kRename || operation == Operation::kUnlink;
    for (const int error : {EBUSY, EPERM}) {
      EXPECT_EQ(decide(operation, "/workspaces/app/lib/core", error),
                takes_away ? denied("repository.app.read.lib/core") : kSeen);
    }
    EXPECT_EQ(decide(operation, "/workspaces/app/docs/a.md", EEXIST), kSeen);
    EXPECT_EQ(decide(operation, "/workspaces/app/web/src/a.c", EROFS), kSeen);
    EXPECT_EQ(decide(operation, "/workspaces/app/web/src/a.c", EACCES), kSeen);
  }
  for (const Operation operation :
       {Operation::kOpenRead, Operation::kExec, Operation::kEnter, Operation::kProbe}) {
    EXPECT_EQ(decide(operation, "/workspaces/app/docs/a.md", EACCES), kSeen);
  }
}

TEST_F(DecideFile, LooksAtBothNamesOfARename) {
  const char* mine = "/workspaces/app/web/src/a";
  EXPECT_EQ(decide(Operation::kRename, mine, EROFS, "/workspaces/app/docs/a"),
            denied("repository.app.read.docs"));
  EXPECT_EQ(decide(Operation::kRename, "/workspaces/app/docs/a", EROFS, mine),
            denied("repository.app.read.docs"));
  EXPECT_EQ(decide(Operation::kRename, "/workspaces/app/.package.new", EBUSY,
                   "/workspaces/app/package.json"),
            denied("repository.app.read.package.json"));
  EXPECT_EQ(decide(Operation::kRename, mine, ENOENT, "/workspaces/app/deploy/a"),
            denied("repository.app.never.deploy"));
  EXPECT_EQ(decide(Operation::kRename, mine, 0, "/workspaces/app/web/src/b"),
            allowed("repository.app.write.web/src"));
  EXPECT_EQ(decide(Operation::kRename, mine, 0, "/workspaces/app/b"), kSeen);
  EXPECT_EQ(decide(Operation::kRename, mine, ENOENT, "/workspaces/app/web/src/b"), kCounted);
  EXPECT_EQ(decide(Operation::kRename, mine, EXDEV, "/workspaces/app/docs/a"), kSeen);
}

TEST_F(DecideFile, LooksAtTheExistingFileOfAHardLink) {
  EXPECT_EQ(decide(Operation::kMake, "/tmp/x", ENOENT, "/etc/shadow"),
            denied("default:host-files"));
  EXPECT_EQ(decide(Operation::kMake, "/tmp/x", ENOENT, "/workspaces/app/billing/a"),
            denied("repository.app"));
  EXPECT_EQ(decide(Operation::kMake, "/tmp/x", EXDEV, "/workspaces/app/docs/a"), kSeen);
}

TEST_F(DecideFile, CountsGitsOwnProbesOnly) {
  for (const Operation operation : {Operation::kOpenRead, Operation::kProbe}) {
    for (const char* path : {"/workspaces/app/.gitattributes", "/workspaces/app/.gitignore",
                             "/workspaces/app/.gitmodules", "/workspaces/app/.mailmap",
                             "/workspaces/app/web/.gitignore", "/workspaces/app/deploy/.gitignore",
                             "/workspaces/app/billing/.gitattributes", "/workspaces/app/HEAD",
                             "/workspaces/app/web/HEAD", "/workspaces/app/lib/HEAD",
                             "/workspaces/app/web/.git", "/workspaces/app/web/.git/HEAD",
                             "/workspaces/app/.git/index.lock", "/workspaces/app/.git"}) {
      EXPECT_EQ(decide(operation, path, ENOENT), kCounted) << path;
    }
  }
  EXPECT_EQ(decide(Operation::kExec, "/workspaces/app/.gitignore", ENOENT),
            denied("repository.app"));
  EXPECT_EQ(decide(Operation::kOpenRead, "/workspaces/app/.gitignore", EACCES),
            denied("repository.app"));
  EXPECT_EQ(decide(Operation::kOpenRead, "/workspaces/app/billing/HEAD", ENOENT),
            denied("repository.app"));
  EXPECT_EQ(decide(Operation::kOpenRead, "/workspaces/app/.gitignore2", ENOENT),
            denied("repository.app"));
  EXPECT_EQ(decide(Operation::kOpenRead, "/workspaces/app/.github/x", ENOENT),
            denied("repository.app"));
}

TEST_F(DecideFile, CountsMissesOfWhatTheContractorMade) {
  made_.add("/workspaces/app/build");
  for (const Operation operation : kAll) {
    EXPECT_EQ(decide(operation, "/workspaces/app/build", ENOENT), kCounted);
    EXPECT_EQ(decide(operation, "/workspaces/app/build/a/b.o", ENOENT), kCounted);
    EXPECT_EQ(decide(operation, "/workspaces/app/build/a/b.o", EACCES), kSeen);
  }
  EXPECT_EQ(decide(Operation::kOpenRead, "/workspaces/app/build2", ENOENT),
            denied("repository.app"));
  EXPECT_EQ(decide(Operation::kOpenRead, "/workspaces/app-2/build", ENOENT),
            denied("repository.app-2"));
  EXPECT_EQ(decide_file(policy_, {Operation::kProbe, "/workspaces/app/build", "", ENOENT, nullptr}),
            denied("repository.app"));
}

TEST_F(DecideFile, NamesTheEntryThatAllowedASuccess) {
  for (const Operation operation : kAll) {
    EXPECT_EQ(decide(operation, "/workspaces/app/web/src/a.c", 0),
              allowed("repository.app.write.web/src"));
  }
  for (const Operation operation :
       {Operation::kOpenRead, Operation::kExec, Operation::kEnter, Operation::kProbe}) {
    EXPECT_EQ(decide(operation, "/workspaces/app/docs/a.md", 0),
              allowed("repository.app.read.docs"));
  }
  for (const Operation operation : kChanges) {
    EXPECT_EQ(decide(operation, "/workspaces/app/docs/a.md", 0),
              observed("repository.app.read.docs"))
        << "a read entry never allowed a change";
  }
}

TEST_F(DecideFile, ObservesWhatNoEntryGrants) {
  for (const Operation operation : kAll) {
    for (const char* path :
         {"/usr/bin/cc", "/tmp/x", "/etc/shadow", "/root", "/workspaces", "/workspaces/app",
          "/workspaces/app/.git/config", "/workspaces/app/made", "/workspaces/nobody/x", "/"}) {
      EXPECT_EQ(decide(operation, path, 0), kSeen) << path;
    }
  }
}

TEST_F(DecideFile, CountsOtherMissesAndObservesOtherFailures) {
  for (const Operation operation : kAll) {
    for (const char* path : {"/usr/include/none.h", "/workspaces/nobody/x", "/workspaces",
                             "/etc/ld.so.preload", "/home/contractor/.bashrc", "/", ""}) {
      EXPECT_EQ(decide(operation, path, ENOENT), kCounted) << path;
      EXPECT_EQ(decide(operation, path, EROFS), kSeen) << path;
    }
  }
}

TEST_F(DecideFile, DeniesHostFilesThatAreThereAndThatAreNot) {
  for (const Operation operation : kAll) {
    for (const int error : {ENOENT, EACCES, EPERM, EROFS}) {
      EXPECT_EQ(decide(operation, "/etc/shadow", error), denied("default:host-files"));
      EXPECT_EQ(decide(operation, "/root/.ssh/id_rsa", error), denied("default:host-files"));
    }
  }
}

TEST_F(DecideFile, HandlesPathsOfAnyBytes) {
  EXPECT_EQ(decide(Operation::kOpenRead, "/workspaces/app/\xff\x01", ENOENT),
            denied("repository.app"));
  EXPECT_EQ(decide(Operation::kOpenRead, "/workspaces/", ENOENT), kCounted);
  EXPECT_EQ(decide(Operation::kOpenRead, "/workspaces/app", 0), kSeen);
  const std::string deep = "/workspaces/app/web/src" + std::string(5000, '/');
  EXPECT_EQ(decide(Operation::kOpenRead, deep, 0).verdict, Verdict::kAllowed);
}

TEST(Policy, KeepsItsRulesWhenMoved) {
  Policy first(tests::parsed(tests::with_repository("write = [\"a\"]\n")));
  const Decision decision =
      decide_file(first, {Operation::kOpenRead, "/workspaces/app/a", "", 0, nullptr});
  const Policy second = std::move(first);
  EXPECT_EQ(decision.rule, "repository.app.write.a");
  EXPECT_EQ(decide_file(second, {Operation::kOpenRead, "/workspaces/app/a", "", 0, nullptr}),
            decision);
}

TEST(Policy, TellsParentsApartFromNamesThatSortBetween) {
  const Policy policy(
      tests::parsed(tests::with_repository("read = [\"a/x\", \"a-b\", \"a.c\", \"b0/c\"]\n")));
  const Policy::Slice* slice = policy.slice_of("/workspaces/app/a");
  ASSERT_NE(slice, nullptr);
  EXPECT_TRUE(slice->is_parent("a"));
  EXPECT_TRUE(slice->is_parent("b0"));
  EXPECT_TRUE(slice->is_parent(""));
  for (const char* other : {"a/x", "a-b", "a.c", "b", "b0/c", "b0/d", "aa", "A"}) {
    EXPECT_FALSE(slice->is_parent(other)) << other;
  }
  EXPECT_EQ(policy.slice_of("/workspaces/ap"), nullptr);
  EXPECT_EQ(policy.slice_of("/workspaces/app2"), nullptr);
  EXPECT_EQ(policy.slice_of("/Workspaces/app"), nullptr);
  EXPECT_EQ(policy.slice_of("workspaces/app"), nullptr);
}

TEST(NoteMade, RemembersSuccessfulMakingOutsideEntries) {
  const Policy policy(
      tests::parsed(tests::with_repository("read = [\"docs\"]\nwrite = [\"src\"]\n")));
  MadePaths made;
  const auto note = [&](Operation operation, std::string_view path, int error,
                        std::string_view other) {
    note_made(policy, {operation, path, other, error, &made}, made);
  };
  note(Operation::kCreate, "/workspaces/app/a.out", 0, "");
  note(Operation::kMake, "/workspaces/app/build", 0, "");
  note(Operation::kRename, "/workspaces/app/src/x", 0, "/workspaces/app/moved");
  EXPECT_TRUE(made.covers("/workspaces/app/a.out"));
  EXPECT_TRUE(made.covers("/workspaces/app/build/x"));
  EXPECT_TRUE(made.covers("/workspaces/app/moved"));
  EXPECT_EQ(made.size(), 3U);
  note(Operation::kCreate, "/workspaces/app/failed", ENOENT, "");
  note(Operation::kOpenRead, "/workspaces/app/read", 0, "");
  note(Operation::kOpenWrite, "/workspaces/app/written", 0, "");
  note(Operation::kUnlink, "/workspaces/app/gone", 0, "");
  note(Operation::kCreate, "/workspaces/app/src/x", 0, "");
  note(Operation::kCreate, "/workspaces/app/.git/index.lock", 0, "");
  note(Operation::kCreate, "/tmp/x", 0, "");
  note(Operation::kMake, "/workspaces/app", 0, "");
  EXPECT_EQ(made.size(), 3U);
}

TEST(OpenOperation, FollowsTheFlags) {
  EXPECT_EQ(open_operation(O_RDONLY | O_CLOEXEC), Operation::kOpenRead);
  EXPECT_EQ(open_operation(O_RDONLY | O_DIRECTORY), Operation::kOpenRead);
  EXPECT_EQ(open_operation(O_WRONLY), Operation::kOpenWrite);
  EXPECT_EQ(open_operation(O_RDWR), Operation::kOpenWrite);
  EXPECT_EQ(open_operation(O_RDONLY | O_TRUNC), Operation::kOpenWrite);
  EXPECT_EQ(open_operation(O_WRONLY | O_CREAT | O_TRUNC), Operation::kCreate);
  EXPECT_EQ(open_operation(O_RDONLY | O_CREAT), Operation::kCreate);
  EXPECT_EQ(open_operation(O_PATH | O_RDWR), Operation::kOpenRead);
}

TEST(DecideConnect, DeniesEveryNetworkAddress) {
  for (const int error : {0, ENETUNREACH, ECONNREFUSED, EINPROGRESS, EACCES, ETIMEDOUT}) {
    EXPECT_EQ(decide_connect(Family::kInet, "192.0.2.1", 443, error), denied("default:network"));
    EXPECT_EQ(decide_connect(Family::kInet6, "2001:db8::1", 443, error), denied("default:network"));
    EXPECT_EQ(decide_connect(Family::kInet6, "::ffff:192.0.2.1", 443, error),
              denied("default:network"));
    EXPECT_EQ(decide_connect(Family::kInet, "1.127.0.1", 443, error), denied("default:network"));
    EXPECT_EQ(decide_connect(Family::kInet, "", 0, error), denied("default:network"));
  }
}

TEST(DecideConnect, ObservesLoopbackThatNothingRefused) {
  for (const char* address : {"127.0.0.1", "127.8.8.8", "0.0.0.0"}) {
    EXPECT_EQ(decide_connect(Family::kInet, address, 8080, 0), kSeen);
    EXPECT_EQ(decide_connect(Family::kInet, address, 8080, EINPROGRESS), kSeen);
    EXPECT_EQ(decide_connect(Family::kInet, address, 8080, ECONNREFUSED),
              denied("default:network"));
  }
  EXPECT_EQ(decide_connect(Family::kInet6, "::1", 8080, 0), kSeen);
  EXPECT_EQ(decide_connect(Family::kInet6, "::ffff:127.0.0.1", 8080, 0), kSeen);
  EXPECT_EQ(decide_connect(Family::kInet6, "::1", 8080, ENETUNREACH), denied("default:network"));
}

TEST(DecideConnect, DeniesHostSocketsOnly) {
  for (const char* socket :
       {"/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock",
        "/run/dbus/system_bus_socket", "/root/.x"}) {
    EXPECT_EQ(decide_connect(Family::kUnix, socket, 0, ENOENT), denied("default:host-files"))
        << socket;
    EXPECT_EQ(decide_connect(Family::kUnix, socket, 0, 0), kSeen) << socket;
  }
  EXPECT_EQ(decide_connect(Family::kUnix, "/var/run/nscd/socket", 0, ENOENT), kSeen);
  EXPECT_EQ(decide_connect(Family::kUnix, "@/tmp/.X11-unix/X0", 0, ECONNREFUSED), kSeen);
  EXPECT_EQ(decide_connect(Family::kUnix, "", 0, ECONNREFUSED), kSeen);
  EXPECT_EQ(decide_connect(Family::kOther, "", 0, EAFNOSUPPORT), kSeen);
}

TEST(DecideConnect, KnowsTheWordsOfFamilies) {
  EXPECT_EQ(family_of("unix"), Family::kUnix);
  EXPECT_EQ(family_of("inet"), Family::kInet);
  EXPECT_EQ(family_of("inet6"), Family::kInet6);
  EXPECT_EQ(family_of("other"), Family::kOther);
  EXPECT_EQ(family_of(""), Family::kOther);
}

class DecideForward : public testing::Test {
 protected:
  Policy policy_{tests::parsed(tests::minimal_profile() + "[[forward]]\nport = 3000\n"
                                                          "[[forward]]\nport = 80\n")};
};

TEST_F(DecideForward, AllowsAGrantedPortOfTheOwnLoopback) {
  for (const char* host :
       {"127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "localhost", "LocalHost"}) {
    for (const int error : {0, EINPROGRESS, ECONNREFUSED, ETIMEDOUT}) {
      EXPECT_EQ(decide_forward(policy_, host, 3000, error), allowed("forward.3000")) << host;
      EXPECT_EQ(decide_forward(policy_, host, 80, error), allowed("forward.80")) << host;
    }
  }
}

TEST_F(DecideForward, DeniesWhatWasRefusedAlsoAtAGrantedPort) {
  for (const int error : {EACCES, EPERM})
    EXPECT_EQ(decide_forward(policy_, "127.0.0.1", 3000, error), denied("default:forward"));
}

TEST_F(DecideForward, DeniesEveryOtherPortAndHost) {
  for (const uint32_t port : {0U, 79U, 3001U, 65536U + 80U, UINT32_MAX})
    EXPECT_EQ(decide_forward(policy_, "127.0.0.1", port, ECONNREFUSED), denied("default:forward"));
  const std::string longer = "127.0.0.1" + std::string(100'000, ' ');
  const std::string_view nul("127.0.0.1\0x", 11);
  for (const std::string_view host :
       {std::string_view(""), std::string_view("192.0.2.1"), std::string_view("0.0.0.0"),
        std::string_view("::"), std::string_view("2001:db8::1"), std::string_view("1.127.0.1"),
        std::string_view("127.example.org"), std::string_view("127.0.0.1.example.org"),
        std::string_view("localhost.example.org"), std::string_view("::ffff:192.0.2.1"),
        std::string_view("\xff\n"), std::string_view(longer), nul}) {
    EXPECT_EQ(decide_forward(policy_, host, 3000, EACCES), denied("default:forward")) << host;
    EXPECT_EQ(decide_forward(policy_, host, 3000, ENETUNREACH), denied("default:forward")) << host;
  }
}

TEST_F(DecideForward, NeverCallsAConnectionDeniedNorAllowedThatNobodyGranted) {
  for (const int error : {0, EINPROGRESS, EALREADY, EINTR, EISCONN}) {
    EXPECT_EQ(decide_forward(policy_, "127.0.0.1", 3001, error), observed("default:forward"));
    EXPECT_EQ(decide_forward(policy_, "192.0.2.1", 3000, error), observed("default:forward"));
  }
}

TEST_F(DecideForward, GrantsNothingWithoutATable) {
  const Policy none{tests::parsed(tests::minimal_profile())};
  EXPECT_EQ(decide_forward(none, "127.0.0.1", 3000, ECONNREFUSED), denied("default:forward"));
  EXPECT_EQ(decide_forward(none, "127.0.0.1", 0, ECONNREFUSED), denied("default:forward"));
}

TEST(DecideRefusedCall, IsDeniedByTheSyscallDefault) {
  EXPECT_EQ(decide_refused_call("bpf"), denied("default:syscall"));
}

}  // namespace
}  // namespace carrel::decide
