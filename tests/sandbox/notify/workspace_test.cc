// What carrel-notify records of a whole workspace, and that it ends with it.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "launcher/watch/sensor/counters.h"
#include "launcher/watch/sensor/reader.h"
#include "tests/sandbox/box/box.h"
#include "tests/sandbox/notify/as_user.h"
#include "tests/sandbox/sensor/describe.h"

namespace carrel::notify {
namespace {

using sandbox::Box;
using testing::ElementsAre;

std::string read_all(int fd) {
  std::string bytes(1 << 20, '\0');
  size_t have = 0;
  ssize_t got = 0;
  while ((got = read(fd, bytes.data() + have, bytes.size() - have)) > 0)
    have += static_cast<size_t>(got);
  bytes.resize(have);
  return bytes;
}

void put_program(int folder_fd, const char* name, const std::string& path) {
  const std::string bytes = sandbox::file_text(path);
  const UniqueFd file(openat(folder_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0755));
  CHECK(file.valid() && write(file.get(), bytes.data(), bytes.size()) == ssize_t(bytes.size()));
}

/// The same payload as in tests/sandbox/sensor, whose records are the kernel's own. These are calls
/// as attempted: no end, no close, no look at a name, and of a connection not how it went.
void expect_records_of_known_calls() {
  Box box({"./known", "one two"});
  ASSERT_TRUE(box.start().ok());
  put_program(box.tree(), "known", support::built("tests/payload_sensor_known_calls"));
  const UniqueFd records(fcntl(box.sensor().records_fd(), F_DUPFD_CLOEXEC, 0));
  const auto counters = sensor::Counters::map(box.sensor().counters_fd()).take();
  ASSERT_EQ(box.next().type, init::RecordType::kReady);
  EXPECT_EQ(sensor::total(counters.produced()), 0U);
  EXPECT_FALSE(counters.over());
  box.open_gate();
  EXPECT_EQ(WEXITSTATUS(box.next().a), 3);
  box.end();
  EXPECT_TRUE(counters.over());
  sensor::Reader reader;
  std::vector<sensor::Observation> seen;
  reader.feed(read_all(records.get()), seen);
  const std::string at = "/workspaces/engine";
  EXPECT_THAT(
      sensor::describe(seen),
      ElementsAre("p1 process.exec " + at + "/known argv,./known,one two",
                  "p1 file.open " + at + "/made 0302 created", "p1 file.open /nowhere/x 00 ENOENT",
                  "p1 file.make mkdir " + at + "/dir", "p1 file.open " + at + "/dir 0200000",
                  "p1 file.open " + at + "/dir/in 0101 created", "p1 file.open " + at + "/made 00",
                  "p1 file.rename " + at + "/dir/in -> " + at + "/out",
                  "p1 file.open " + at + "/out 01101",
                  "p1 file.make link " + at + "/hard -> " + at + "/made",
                  "p1 file.make symlink " + at + "/dir/link -> target",
                  "p1 file.unlink " + at + "/dir/link", "p1 file.enter " + at + "/dir",
                  "p1 file.enter " + at + "/dir/deeper ENOENT", "p1 file.unlink " + at + "/out",
                  "p1 file.enter " + at, "p1 file.unlink " + at + "/dir",
                  "p1 net.connect inet 127.0.0.1 9", "p1 net.connect unix " + at + "/sock 0 ENOENT",
                  "p1 process.exec_failed " + at + "/absent ENOENT", "p1 process.fork child p2",
                  "p2 file.open / 0200000"));
  EXPECT_EQ(counters.produced(), reader.recorded());
  EXPECT_EQ(sensor::total(counters.lost()), 0U);
  EXPECT_EQ(reader.malformed(), 0U);
}

/// Nothing is produced for a while. Declared too early the test is weaker, never wrong.
void wait_until_it_stands_still(const sensor::Counters& counters) {
  constexpr int kStillMs = 200;
  uint64_t before = 0;
  do {
    before = sensor::total(counters.produced());
    poll(nullptr, 0, kStillMs);
  } while (before == 0 || sensor::total(counters.produced()) != before);
}

constexpr int kOpens = 500;

/// A page holds some 50 records: the rest can only be made when somebody reads.
void expect_wait_for_the_reader() {
  Box box(
      {"/bin/sh", "-c", "i=0; while [ $i -lt 500 ]; do : < docs/text; i=$((i+1)); done; : > made"});
  ASSERT_TRUE(box.start().ok());
  const UniqueFd records(fcntl(box.sensor().records_fd(), F_DUPFD_CLOEXEC, 0));
  ASSERT_EQ(fcntl(records.get(), F_SETPIPE_SZ, 4096), 4096);
  const auto counters = sensor::Counters::map(box.sensor().counters_fd()).take();
  ASSERT_EQ(box.next().type, init::RecordType::kReady);
  box.open_gate();
  wait_until_it_stands_still(counters);
  EXPECT_LT(sensor::total(counters.produced()), uint64_t{kOpens});
  EXPECT_EQ(faccessat(box.tree(), "made", F_OK, 0), -1) << "it did not wait";
  std::string bytes;
  std::thread reader_thread([&] { bytes = read_all(records.get()); });
  EXPECT_EQ(box.next().a, 0);
  EXPECT_EQ(faccessat(box.tree(), "made", F_OK, 0), 0);
  box.end();
  reader_thread.join();
  sensor::Reader reader;
  std::vector<sensor::Observation> seen;
  reader.feed(bytes, seen);
  const std::vector<std::string> lines = sensor::describe(seen);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "p1 file.open /workspaces/engine/docs/text 00"),
            kOpens);
  EXPECT_EQ(counters.produced(), reader.recorded());
  EXPECT_EQ(sensor::total(counters.lost()), 0U);
}

TEST(Workspace, WaitsForWhoeverReadsTheRecordsSoThatNoneIsLost) {
  EXPECT_EQ(run_as_user(expect_wait_for_the_reader), 0);
}

TEST(Workspace, GivesARecordOfEachCallOfThePayloadAndOfNoneBefore) {
  EXPECT_EQ(run_as_user(expect_records_of_known_calls), 0);
}

}  // namespace
}  // namespace carrel::notify
