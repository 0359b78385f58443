#include "launcher/watch/notify/records.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <cstring>

#include "launcher/watch/sensor/reader.h"
#include "launcher/watch/sensor/wire.h"

namespace carrel::notify {
namespace {

constexpr Stamp kStamp{500, 501, 7000, 8000, 0};

/// What the session's reader makes of a record.
sensor::Observation read(const std::string& record) {
  sensor::Reader reader;
  std::vector<sensor::Observation> seen;
  reader.feed(record, seen);
  EXPECT_EQ(reader.malformed(), 0U);
  EXPECT_EQ(seen.size(), 1U);
  return seen.empty() ? sensor::Observation{} : seen.front();
}

Stamp failed(int error) {
  Stamp stamp = kStamp;
  stamp.error = error;
  return stamp;
}

TEST(NotifyRecords, AnOpenIsReadAsItWasWritten) {
  const std::string record = open_record(kStamp, {"/workspaces/app/../app/x", true, false, false},
                                         O_RDWR | O_CREAT, true, {42, makedev(8, 3)});
  EXPECT_EQ(type_of(record), CARREL_OPEN);
  const sensor::Observation seen = read(record);
  const auto& open = std::get<events::FileOpen>(seen.data);
  EXPECT_EQ(open.path, "/workspaces/app/x");
  EXPECT_TRUE(open.created);
  EXPECT_EQ(open.inode, 42U);
  EXPECT_EQ(open.device, makedev(8, 3));
  EXPECT_EQ(open.flags, static_cast<uint32_t>(O_RDWR | O_CREAT));
  EXPECT_EQ(seen.intent, sensor::Intent::kChange);
  EXPECT_EQ(seen.process.pid, 500U);
  EXPECT_EQ(seen.mono_ns, 8000U);
  EXPECT_TRUE(seen.path_known);
}

TEST(NotifyRecords, APathThatIsNotKnownOrTooLongSaysSo) {
  EXPECT_FALSE(
      read(open_record(failed(EBADF), {"x", false, false, false}, 0, false, {})).path_known);
  const std::string longer(CARREL_NAME_MAX + 1, 'x');
  const auto seen = read(open_record(kStamp, {"/" + longer, true, false, false}, 0, false, {}));
  EXPECT_FALSE(seen.path_known);
}

TEST(NotifyRecords, AnExecKeepsItsArgumentsAndSaysWhatIsMissing) {
  using std::string_literals::operator""s;
  auto seen = read(exec_record(kStamp, {"/bin/ls", true, false, false}, "ls\0-l\0"s, 6, {}));
  auto exec = std::get<events::ProcessExec>(seen.data);
  EXPECT_EQ(exec.argv, (std::vector<std::string>{"ls", "-l"}));
  EXPECT_FALSE(exec.truncated);
  EXPECT_EQ(seen.process.exe, "/bin/ls");
  seen =
      read(exec_record(kStamp, {"/bin/ls", true, false, false}, std::string(9000, 'a'), 9000, {}));
  exec = std::get<events::ProcessExec>(seen.data);
  EXPECT_TRUE(exec.truncated);
  EXPECT_EQ(exec.argv_bytes, 9000U);
  EXPECT_EQ(exec.argv.at(0).size(), size_t{CARREL_ARGV_MAX});
}

TEST(NotifyRecords, NamesOfEveryKind) {
  EXPECT_EQ(std::get<events::FileUnlink>(
                read(name_record(CARREL_UNLINK, kStamp, 87, {"/a", true, false, false})).data)
                .path,
            "/a");
  EXPECT_EQ(std::get<events::FileEnter>(
                read(name_record(CARREL_ENTER, kStamp, 80, {"/d", true, false, false})).data)
                .path,
            "/d");
  const auto missing =
      read(name_record(CARREL_EXEC_FAILED, failed(ENOENT), 59, {"/no", true, false, false}));
  EXPECT_EQ(std::get<events::ProcessExecFailed>(missing.data).path, "/no");
  EXPECT_EQ(missing.error, ENOENT);
  const auto renamed = read(names_record(CARREL_RENAME, kStamp, 82, {"/a", true, false, false},
                                         {"/b", true, false, false}));
  EXPECT_EQ(std::get<events::FileRename>(renamed.data).from, "/a");
  EXPECT_EQ(std::get<events::FileRename>(renamed.data).to, "/b");
  const auto link = read(names_record(CARREL_MAKE, kStamp, 88, {"../t", false, false, false},
                                      {"/l", true, false, false}));
  const auto& make = std::get<events::FileMake>(link.data);
  EXPECT_EQ(make.how, "symlink");
  EXPECT_EQ(make.target, "../t");
  EXPECT_EQ(make.path, "/l");
  EXPECT_TRUE(link.path_known);
}

TEST(NotifyRecords, ConnectsRefusalsAndBirths) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(443);
  inet_pton(AF_INET, "192.0.2.1", &address.sin_addr);
  std::string bytes(sizeof address, '\0');
  std::memcpy(bytes.data(), &address, sizeof address);
  const auto connect = read(connect_record(failed(ENETUNREACH), bytes));
  EXPECT_EQ(std::get<events::NetConnect>(connect.data).address, "192.0.2.1");
  EXPECT_EQ(std::get<events::NetConnect>(connect.data).port, 443U);
  const auto forward = read(connect_record(kStamp, bytes, 7));
  EXPECT_EQ(std::get<events::NetForward>(forward.data).port, 443U);
  EXPECT_EQ(forward.channel, 7U);
  EXPECT_EQ(forward.process, events::Process{});
  const auto flow = read(flow_record(kStamp, 0x1'0000'0002));
  EXPECT_EQ(flow.cookie, 0x1'0000'0002U);
  EXPECT_EQ(flow.process.pid, kStamp.tgid);
  EXPECT_EQ(flow.mono_ns, kStamp.time_ns);
  EXPECT_EQ(connect.cookie, 0U);
  const auto refused = read(refused_record(failed(EPERM), 101, {1, 2, 3, 4, 5, 6}));
  ASSERT_TRUE(refused.raw.has_value());
  EXPECT_EQ(refused.raw->number, 101U);
  EXPECT_EQ(refused.raw->result, -EPERM);
  EXPECT_EQ(refused.raw->args[5], 6U);
  const auto fork = read(fork_record(kStamp, 600, 9000));
  EXPECT_EQ(std::get<events::ProcessFork>(fork.data).child_pid, 600U);
}

/// What the kernel would not write: cut short, with a tail, or of no socket.
TEST(NotifyRecords, AFlowOfAnotherFormIsNone) {
  const auto is_malformed = [](const std::string& record) {
    sensor::Reader reader;
    std::vector<sensor::Observation> seen;
    reader.feed(record, seen);
    return seen.empty() && reader.malformed() == 1 && reader.recorded()[CARREL_FLOW] == 1;
  };
  EXPECT_FALSE(is_malformed(flow_record(kStamp, 9)));
  EXPECT_TRUE(is_malformed(flow_record(kStamp, 0)));
  std::string cut = flow_record(kStamp, 9);
  cut[0] = static_cast<char>(cut[0] - 8);    // of the frame
  cut[10] = static_cast<char>(cut[10] - 8);  // of the record
  cut.resize(cut.size() - 8);
  EXPECT_TRUE(is_malformed(cut));
}

}  // namespace
}  // namespace carrel::notify
