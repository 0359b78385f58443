#include "launcher/watch/session/judge.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <cerrno>

#include "profiles/parse/parse.h"
#include "tests/unit/launcher/watch/session/stage.h"

namespace carrel::session {
namespace {

using events::Verdict;
using sensor::Observation;

model::Profile profile() {
  return parse::parse_profile(session_test::kProfile, "demo.toml").take().profile;
}

Observation seen(events::Data data, int error = 0) {
  Observation observation;
  observation.mono_ns = 42;
  observation.process = {3, 300, 2, "/bin/cat"};
  observation.error = error;
  observation.data = std::move(data);
  return observation;
}

Observation refused(uint32_t number, int error, std::array<uint64_t, 6> args = {}) {
  Observation observation = seen(events::ProcessRefused{"", {args.begin(), args.end()}}, error);
  observation.raw = sensor::RawCall{number, -error, args};
  return observation;
}

struct Case {
  const char* what;
  Observation seen;
  Verdict verdict;
  std::string rule;
};

TEST(Judge, NamesVerdictAndRule) {
  const Case cases[] = {
      {"hidden path", seen(events::FileOpen{.path = "/workspaces/app/billing/key"}, ENOENT),
       Verdict::kDenied, "repository.app"},
      {"never", seen(events::FileOpen{.path = "/workspaces/app/src/own/secret/k"}, ENOENT),
       Verdict::kDenied, "repository.app.never.src/own/secret"},
      {"write to a read entry",
       seen(events::FileOpen{.path = "/workspaces/app/docs/a", .flags = O_WRONLY | O_CREAT}, EROFS),
       Verdict::kDenied, "repository.app.read.docs"},
      {"unlink in a read entry", seen(events::FileUnlink{"/workspaces/app/docs/a"}, EROFS),
       Verdict::kDenied, "repository.app.read.docs"},
      {"read of a read entry", seen(events::FileOpen{.path = "/workspaces/app/docs/a"}),
       Verdict::kAllowed, "repository.app.read.docs"},
      {"close of a written file", seen(events::FileClose{.path = "/workspaces/app/src/own/b"}),
       Verdict::kAllowed, "repository.app.write.src/own"},
      {"rename into a write entry", seen(events::FileRename{"/tmp/x", "/workspaces/app/src/own/x"}),
       Verdict::kObserved, ""},
      {"shadow", seen(events::FileOpen{.path = "/etc/shadow"}, ENOENT), Verdict::kDenied,
       "default:host-files"},
      {"chdir to another's home", seen(events::FileEnter{"/root"}, EACCES), Verdict::kDenied,
       "default:host-files"},
      {"connect", seen(events::NetConnect{"inet", "192.0.2.1", 443}, ENETUNREACH), Verdict::kDenied,
       "default:network"},
      {"unix connect", seen(events::NetConnect{"unix", "/tmp/s", 0}), Verdict::kObserved, ""},
      {"mount", refused(SYS_mount, EPERM), Verdict::kDenied, "default:syscall"},
      {"exec", seen(events::ProcessExec{.path = "/bin/cat", .argv = {"cat"}}), Verdict::kObserved,
       ""},
      {"fork", seen(events::ProcessFork{4, 301}), Verdict::kObserved, ""},
      {"exit", seen(events::ProcessExit{1, 0}), Verdict::kObserved, ""},
      {"temporary file", seen(events::FileOpen{.path = "/tmp/x", .flags = O_CREAT}),
       Verdict::kObserved, ""},
      {"place that is not known", seen(events::FileOpen{.path = "?/x"}), Verdict::kObserved, ""},
  };
  Judge judge(profile());
  for (const Case& one : cases) {
    SCOPED_TRACE(one.what);
    const auto event = judge.judge(one.seen);
    ASSERT_TRUE(event.has_value());
    EXPECT_EQ(event->verdict, one.verdict);
    EXPECT_EQ(event->rule, one.rule);
    EXPECT_EQ(event->error, one.seen.error);
    EXPECT_EQ(event->mono_ns, 42U);
    EXPECT_EQ(event->process->exe, "/bin/cat");
  }
  EXPECT_TRUE(judge.counted_only().empty());
}

TEST(Judge, AsksTheProfileForConnectionsToNames) {
  model::Profile with_network = profile();
  model::Network network;
  network.host = "a.example";
  network.ports = {443};
  model::Network other = network;
  other.host = "c.example";
  with_network.networks = {network, other};
  Judge judge(with_network);
  judge.learn("198.18.0.1", "a.example");
  judge.learn("198.18.0.1", "c.example");  // an address never means another name
  judge.learn("198.18.0.2", "b.example");  // no name of the profile's
  for (const char* none : {"8.8.8.8", "198.17.255.255", "198.20.0.0", "::ffff:198.18.0.3", ""})
    judge.learn(none, "a.example");
  judge.learn("198.19.255.255", "c.example");
  const auto decided = [&judge](const char* family, const char* address, uint32_t port) {
    const auto event = judge.judge(seen(events::NetConnect{family, address, port}));
    return event ? std::to_string(static_cast<int>(event->verdict)) + " " + event->rule : "counted";
  };
  const std::string denied = std::to_string(static_cast<int>(Verdict::kDenied)) + " ";
  const std::string allowed = std::to_string(static_cast<int>(Verdict::kAllowed)) + " ";
  EXPECT_EQ(decided("inet", "198.18.0.1", 443), allowed + "network.a.example");
  EXPECT_EQ(decided("inet6", "::ffff:198.18.0.1", 443), allowed + "network.a.example");
  EXPECT_EQ(decided("inet", "198.19.255.255", 443), allowed + "network.c.example");
  for (const char* none : {"8.8.8.8", "198.17.255.255", "198.20.0.0", "198.18.0.3"})
    EXPECT_EQ(decided("inet", none, 443), denied + "default:network") << none;
  EXPECT_EQ(decided("inet", "198.18.0.1", 80), denied + "network.a.example")
      << "as carrel why says: only the port is not granted";
  EXPECT_EQ(decided("inet", "198.18.0.1", 65536 + 443), denied + "default:network");
  EXPECT_EQ(decided("inet", "198.18.0.2", 443), denied + "default:network");
  EXPECT_EQ(decided("inet", "192.0.2.1", 53).substr(2), "") << "the gateway tells of questions";
}

TEST(Judge, AWayOutIsReachableWhateverASensorOutsideForesees) {
  model::Profile with_network = profile();
  model::Network network;
  network.host = "a.example";
  network.ports = {443};
  const auto error = [](Judge& judge, const char* family, const char* address, int foreseen) {
    const auto event = judge.judge(seen(events::NetConnect{family, address, 443}, foreseen));
    return event ? event->error : -1;
  };
  Judge none(with_network);
  EXPECT_EQ(error(none, "inet", "198.18.0.1", ENETUNREACH), ENETUNREACH);
  with_network.networks = {network};
  Judge judge(with_network);
  judge.learn("198.18.0.1", "a.example");
  EXPECT_EQ(error(judge, "inet", "198.18.0.1", ENETUNREACH), 0);
  EXPECT_EQ(error(judge, "inet6", "::ffff:198.18.0.1", ENETUNREACH), 0);
  EXPECT_EQ(error(judge, "inet", "198.18.0.1", EINPROGRESS), EINPROGRESS);
  EXPECT_EQ(error(judge, "inet", "8.8.8.8", ENETUNREACH), ECONNREFUSED);
  EXPECT_EQ(error(judge, "inet6", "2001:db8::1", ENETUNREACH), ECONNREFUSED);
  for (const char* many : {"224.0.0.1", "239.255.255.255", "255.255.255.255"})
    EXPECT_EQ(error(judge, "inet", many, ENETUNREACH), ENETUNREACH) << many;
  EXPECT_EQ(error(judge, "inet6", "ff02::1", ENETUNREACH), ENETUNREACH);
  EXPECT_EQ(error(judge, "inet", "240.0.0.1", ENETUNREACH), ECONNREFUSED);
}

TEST(Judge, NamesTheRefusedCall) {
  Judge judge(profile());
  const auto event = judge.judge(refused(SYS_mount, EPERM, {1, 2, 3, 4, 5, 6}));
  ASSERT_TRUE(event.has_value());
  const auto& data = std::get<events::ProcessRefused>(event->data);
  EXPECT_EQ(data.call, "mount");
  EXPECT_EQ(data.args, (std::vector<uint64_t>{1, 2, 3, 4, 5, 6}));
}

TEST(Judge, OnlyCountsWhatIsNoNews) {
  Judge judge(profile());
  EXPECT_FALSE(judge.judge(seen(events::FileOpen{.path = "/usr/lib/none.so"}, ENOENT)));
  EXPECT_FALSE(judge.judge(seen(events::FileProbe{"/workspaces/app/src/.gitignore"}, ENOENT)));
  EXPECT_FALSE(judge.judge(seen(events::FileOpen{.path = "/opt/none"}, ENOENT)));
  // The kernel's own answer to a call that the table allows, and one that is refused quietly.
  EXPECT_FALSE(judge.judge(refused(SYS_read, EPERM)));
  EXPECT_FALSE(judge.judge(refused(SYS_io_uring_setup, ENOSYS)));
  const std::map<std::string, uint64_t> counted = {
      {"file.open", 2}, {"file.probe", 1}, {"process.refused", 2}};
  EXPECT_EQ(judge.counted_only(), counted);
}

TEST(Judge, TakesTheContractorsOwnFilesForNothingHidden) {
  Judge judge(profile());
  const std::string made = "/workspaces/app/build";
  EXPECT_TRUE(judge.judge(seen(events::FileMake{made, "mkdir", ""})));
  EXPECT_FALSE(judge.judge(seen(events::FileOpen{.path = made + "/cache"}, ENOENT)));
}

TEST(Judge, AForwardIsNobodysInsideAndItsChannels) {
  model::Profile granted = profile();
  granted.forwards.push_back({.port = 3000, .where = {}});
  Judge judge(granted);
  const auto line = [&](const char* address, uint32_t port, int error) {
    Observation forward = seen(events::NetForward{address, port}, error);
    forward.process = {};
    forward.channel = 12;
    const events::Event event = judge.judge(std::move(forward)).value();
    EXPECT_EQ(event.channel, "12");
    EXPECT_FALSE(event.process.has_value());
    EXPECT_EQ(event.error, error);
    return std::to_string(static_cast<int>(event.verdict)) + " " + event.rule;
  };
  EXPECT_EQ(line("127.0.0.1", 3000, 0), "1 forward.3000");
  EXPECT_EQ(line("127.0.0.1", 3000, EINPROGRESS), "1 forward.3000");
  EXPECT_EQ(line("::1", 3000, ECONNREFUSED), "1 forward.3000");
  EXPECT_EQ(line("127.0.0.1", 3001, ECONNREFUSED), "2 default:forward");
  EXPECT_EQ(line("", 0, EACCES), "2 default:forward");
  EXPECT_EQ(line("127.0.0.1", 3001, EINPROGRESS), "3 default:forward");
  const auto own = judge.judge(seen(events::NetConnect{"inet", "127.0.0.1", 3001}));
  EXPECT_EQ(own->channel, "");
  EXPECT_EQ(own->rule, "");
  EXPECT_TRUE(own->process.has_value());
}

TEST(Judge, AllowsAChangeByItsWriteEntry) {
  const Judge judge(profile());
  const auto rule = [&](const char* path) {
    events::FileChanged change;
    change.path = path;
    const events::Event event = judge.judge_change(change);
    return std::to_string(static_cast<int>(event.verdict)) + " " + event.rule;
  };
  EXPECT_EQ(rule("/workspaces/app/src/own/a"), "1 repository.app.write.src/own");
  EXPECT_EQ(rule("/workspaces/app/src/own/secret/a"), "3 repository.app.never.src/own/secret");
  EXPECT_EQ(rule("/workspaces/app/docs/a"), "3 repository.app.read.docs");
  EXPECT_EQ(rule("/workspaces/app/else"), "3 ");
  EXPECT_EQ(rule("/workspaces/other/a"), "3 ");
}

}  // namespace
}  // namespace carrel::session
