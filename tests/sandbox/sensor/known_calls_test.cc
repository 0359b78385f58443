// A statically linked payload with raw system calls produces exactly the expected records.

#include <gmock/gmock.h>

#include "tests/sandbox/sensor/session.h"
#include "tests/support/folder.h"
#include "tests/support/require.h"

namespace carrel::sensor {
namespace {

using testing::ElementsAre;

const char* kPayload = CARREL_BINARY_DIR "/tests/payload_sensor_known_calls";

TEST(KnownCalls, ProduceExactlyTheExpectedRecordsInOrder) {
  TestSession session;
  REQUIRE_FEATURE("bpf-raw-tracepoints", session.error().empty());
  support::Folder folder;
  const std::string& at = folder.path();
  const int status = session.run(
      [&] {
        CHECK(chdir(at.c_str()) == 0);
        // Before arming: never recorded.
        CHECK(open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0);
      },
      [&] {
        char* const argv[] = {const_cast<char*>("payload"), const_cast<char*>("one two"), nullptr};
        execve(kPayload, argv, nullptr);
        return 98;
      });
  // Outside the cgroup: never recorded.
  EXPECT_EQ(open("/absent", O_RDONLY), -1);
  EXPECT_EQ(WEXITSTATUS(status), 3);

  const auto seen = session.drain();
  EXPECT_THAT(
      describe(seen),
      ElementsAre(
          "p1 process.exec " + std::string(kPayload) + " argv,payload,one two",
          "p1 file.open " + at + "/made 0302 created", "p1 file.close " + at + "/made 5",
          "p1 file.open /nowhere/x 00 ENOENT", "p1 file.make mkdir " + at + "/dir",
          "p1 file.open " + at + "/dir 0200000", "p1 file.open " + at + "/dir/in 0101 created",
          "p1 file.close " + at + "/dir/in 0", "p1 file.open " + at + "/made 00",
          "p1 file.rename " + at + "/dir/in -> " + at + "/out", "p1 file.open " + at + "/out 01101",
          "p1 file.close " + at + "/out 0", "p1 file.make link " + at + "/hard -> " + at + "/made",
          "p1 file.make symlink " + at + "/dir/link -> target",
          "p1 file.unlink " + at + "/dir/link", "p1 file.probe " + at + "/absent ENOENT",
          "p1 file.probe /absent/too ENOENT", "p1 file.probe " + at + "/made EINVAL",
          "p1 file.enter " + at + "/dir", "p1 file.enter " + at + "/dir/deeper ENOENT",
          "p1 file.unlink " + at + "/out", "p1 file.enter " + at, "p1 file.unlink " + at + "/dir",
          "p1 net.connect inet 127.0.0.1 9 ECONNREFUSED",
          "p1 net.connect unix " + at + "/sock 0 ENOENT",
          "p1 process.exec_failed " + at + "/absent ENOENT", "p1 process.fork child p2",
          "p2 file.open / 0200000", "p2 process.exit code 7 signal 0",
          "p1 process.exit code 3 signal 0"));

  struct stat made {};
  ASSERT_EQ(stat((at + "/made").c_str(), &made), 0);
  const auto& opened = std::get<events::FileOpen>(seen.at(1).data);
  EXPECT_EQ(opened.inode, made.st_ino);
  EXPECT_EQ(opened.device, made.st_dev);
  EXPECT_EQ(seen.at(27).process.parent, seen.at(0).process.id);
  EXPECT_EQ(seen.at(27).process.exe, kPayload);
  EXPECT_EQ(std::get<events::ProcessFork>(seen.at(26).data).child_pid, seen.at(27).process.pid);
  EXPECT_EQ(seen.at(6).intent, Intent::kChange);
  EXPECT_EQ(seen.at(3).intent, Intent::kLook);
  for (size_t i = 1; i < seen.size(); ++i)
    EXPECT_GE(seen[i].mono_ns, seen[i - 1].mono_ns);

  // The kernel counted the same, by itself.
  EXPECT_EQ(session.counters().produced(), session.reader().recorded());
  EXPECT_EQ(total(session.counters().lost()), 0U);
  EXPECT_EQ(session.reader().malformed(), 0U);
}

TEST(KnownCalls, AreNotRecordedBeforeArming) {
  TestSession session;
  REQUIRE_FEATURE("bpf-raw-tracepoints", session.error().empty());
  wait_for(spawn(session.cgroup().fd(), [] { return open("/etc/passwd", O_RDONLY) < 0; }));
  EXPECT_TRUE(session.drain().empty());
  EXPECT_EQ(total(session.counters().produced()), 0U);
}

TEST(KnownCalls, OfOneChildAreNotThoseOfAnUnarmedOrOutsideOne) {
  TestSession session;
  REQUIRE_FEATURE("bpf-raw-tracepoints", session.error().empty());
  ASSERT_TRUE(session.tracer().arm(session.sensor().slot).ok());
  wait_for(spawn(-1, [] { return open("/etc/passwd", O_RDONLY) < 0; }));
  EXPECT_EQ(total(session.counters().produced()), 0U);

  const std::string nested = session.cgroup().path() + "/nested";
  ASSERT_EQ(mkdir(nested.c_str(), 0700), 0);
  const UniqueFd inner(open(nested.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  wait_for(spawn(inner.get(), [] { return open("/etc/passwd", O_RDONLY) < 0; }));
  EXPECT_THAT(describe(session.drain()),
              ElementsAre("p1 file.open /etc/passwd 00", "p1 process.exit code 0 signal 0"));

  ASSERT_TRUE(session.tracer().close_session(session.sensor().slot).ok());
  const Counts before = session.counters().produced();
  wait_for(spawn(session.cgroup().fd(), [] { return open("/etc/passwd", O_RDONLY) < 0; }));
  EXPECT_EQ(session.counters().produced(), before);
}

}  // namespace
}  // namespace carrel::sensor
