// Of an ssh server's cgroup its connections are records of the session, and nothing else is.

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>

#include "tests/sandbox/sensor/session.h"
#include "tests/support/require.h"

namespace carrel::sensor {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint32_t kChannel = 7;
constexpr uint32_t kGetPriority = 140;  // refused with EINVAL for a kind that is not there

/// On a port of the loopback that the kernel chose.
class Listening {
 public:
  Listening() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    CHECK(bind(fd_.get(), reinterpret_cast<sockaddr*>(&at), size) == 0);
    CHECK(listen(fd_.get(), 16) == 0);
    CHECK(getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&at), &size) == 0);
    port_ = ntohs(at.sin_port);
  }
  [[nodiscard]] uint16_t port() const { return port_; }

 private:
  UniqueFd fd_;
  uint16_t port_ = 0;
};

int connect_to(uint16_t port, int type = SOCK_STREAM) {
  const UniqueFd fd(socket(AF_INET, type | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 ? 0 : errno;
}

int connect_to_path(const char* path) {
  const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  strcpy(to.sun_path, path);
  return connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 ? 0 : errno;
}

/// What is a record of a session's own task, in kinds: files, a folder, refusals, birth, exec, end.
int do_much() {
  const UniqueFd file(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
  (void)open("/absent", O_RDONLY);
  (void)chdir("/tmp");
  (void)rmdir("/absent");
  (void)syscall(kGetPriority, 99, 0);
  (void)connect_to_path("/absent");
  const pid_t child = fork();
  if (child == 0) {
    execl("/bin/true", "true", nullptr);
    _exit(1);
  }
  return wait_for(child);
}

std::string forwarded(uint16_t port) {
  return "p0 net.forward 127.0.0.1 " + std::to_string(port) + " channel 7";
}

/// A session, armed, with one cgroup of a channel that is not added yet.
class Channels : public testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_FEATURE("bpf-raw-tracepoints", session_.error().empty());
    const std::string path = session_.cgroup().make_channel();
    id_ = TestCgroup::id(path);
    group_.reset(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(group_.valid());
  }
  void start() {
    ASSERT_TRUE(session_.tracer().arm(slot()).ok());
    ASSERT_TRUE(session_.tracer().add_channel(slot(), id_, kChannel).ok());
  }
  [[nodiscard]] uint32_t slot() { return session_.sensor().slot; }
  /// In the channel's cgroup; 0 where it connected.
  int connect_there(uint16_t port) {
    return WEXITSTATUS(wait_for(spawn(group_.get(), [port] { return connect_to(port); })));
  }
  void expect_counted_as_read() {
    EXPECT_EQ(session_.counters().produced(), session_.reader().recorded());
    EXPECT_EQ(total(session_.counters().lost()), 0U);
    EXPECT_EQ(session_.reader().malformed(), 0U);
  }

  TestSession session_{{{kGetPriority, EINVAL}, {42, ECONNREFUSED}}};
  Listening listening_;
  UniqueFd group_;
  uint64_t id_ = 0;
};

TEST_F(Channels, GiveOneRecordForAConnectionAndNoneForAllElse) {
  start();
  const uint16_t port = listening_.port();
  const auto body = [port] { return do_much() == 0 && connect_to(port) == 0 ? 5 : 6; };
  ASSERT_EQ(WEXITSTATUS(wait_for(spawn(group_.get(), body))), 5);
  EXPECT_THAT(describe(session_.drain()), ElementsAre(forwarded(port)));
  expect_counted_as_read();

  // The same in the session's own cgroup is recorded as ever.
  ASSERT_EQ(WEXITSTATUS(wait_for(spawn(session_.cgroup().fd(), body))), 5);
  const auto lines = describe(session_.drain());
  EXPECT_GT(lines.size(), 8U);
  EXPECT_THAT(lines, testing::Contains("p1 net.connect inet 127.0.0.1 " + std::to_string(port)));
  EXPECT_THAT(lines, testing::Contains("p1 file.open /etc/passwd 02000000"));
  EXPECT_THAT(lines, testing::Contains(testing::HasSubstr("process.refused")));
  EXPECT_THAT(lines, testing::Not(testing::Contains(testing::HasSubstr("channel"))));
  expect_counted_as_read();
}

TEST_F(Channels, SayWhatFailedAlsoWhereTheTableReportsThatErrno) {
  start();
  EXPECT_EQ(connect_there(9), ECONNREFUSED);
  EXPECT_THAT(describe(session_.drain()), ElementsAre(forwarded(9) + " ECONNREFUSED"));
}

TEST_F(Channels, GiveNoRecordForSocketsThatConnectNobody) {
  start();
  const uint16_t port = listening_.port();
  wait_for(spawn(group_.get(), [port] {
    (void)connect_to(port, SOCK_DGRAM);  // as a resolver does
    (void)connect_to_path("/absent");
    const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr none{};
    (void)connect(fd.get(), &none, sizeof none);
    (void)connect(fd.get(), nullptr, sizeof(sockaddr_in));
    (void)connect(-1, &none, sizeof none);
    return connect_to(port);
  }));
  EXPECT_THAT(describe(session_.drain()), ElementsAre(forwarded(port)));
}

TEST_F(Channels, GiveARecordOfAnotherFamilyToo) {
  start();
  const int status = wait_for(spawn(group_.get(), [] {
    const UniqueFd fd(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    to.sin6_port = htons(9);
    to.sin6_addr = in6addr_loopback;
    return connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 ? 0 : errno;
  }));
  EXPECT_THAT(describe(session_.drain()),
              ElementsAre("p0 net.forward ::1 9 channel 7 " + errno_name(WEXITSTATUS(status))));
}

TEST_F(Channels, AreNotRecordedBeforeTheyAreAddedArmedAndAfterTheyWereRemoved) {
  const uint16_t port = listening_.port();
  trace::Tracer& tracer = session_.tracer();
  ASSERT_TRUE(tracer.add_channel(slot(), id_, kChannel).ok());
  EXPECT_EQ(connect_there(port), 0);
  ASSERT_TRUE(tracer.arm(slot()).ok());
  EXPECT_EQ(total(session_.counters().produced()), 0U);
  EXPECT_EQ(connect_there(port), 0);
  EXPECT_THAT(describe(session_.drain()), ElementsAre(forwarded(port)));
  ASSERT_TRUE(tracer.remove_channel(id_).ok());
  EXPECT_EQ(connect_there(port), 0);
  EXPECT_THAT(session_.drain(), IsEmpty());
  EXPECT_FALSE(tracer.remove_channel(id_).ok());
}

TEST_F(Channels, TakeNobodysPlace) {
  trace::Tracer& tracer = session_.tracer();
  EXPECT_FALSE(tracer.add_channel(slot(), id_, 0).ok());
  EXPECT_FALSE(tracer.add_channel(slot() + 1, id_, kChannel).ok());
  EXPECT_FALSE(tracer.add_channel(trace::Tracer::kMaxSessions, id_, kChannel).ok());
  EXPECT_FALSE(tracer.add_channel(slot(), session_.cgroup().session_id(), kChannel).ok());
  EXPECT_FALSE(tracer.remove_channel(session_.cgroup().session_id()).ok());
  ASSERT_TRUE(tracer.add_channel(slot(), id_, kChannel).ok());
  EXPECT_FALSE(tracer.add_channel(slot(), id_, kChannel + 1).ok());
}

TEST_F(Channels, ThatAnotherProcessAddedGoWithTheirSession) {
  trace::Tracer& tracer = session_.tracer();
  ASSERT_TRUE(tracer.arm(slot()).ok());
  // As an opening does for the server that closes its session.
  const auto add = [&] { return tracer.add_channel(slot(), id_, kChannel).ok() ? 0 : 1; };
  ASSERT_EQ(wait_for(spawn(-1, add)), 0);
  const uint16_t port = listening_.port();
  EXPECT_EQ(connect_there(port), 0);
  EXPECT_THAT(describe(session_.drain()), ElementsAre(forwarded(port)));

  ASSERT_TRUE(tracer.close_session(slot()).ok());
  auto next = tracer.open_session(session_.cgroup().session_id());
  ASSERT_TRUE(next.ok());
  const trace::SessionSensor sensor = next.take();
  ASSERT_EQ(sensor.slot, slot());
  ASSERT_TRUE(tracer.arm(sensor.slot).ok());
  EXPECT_EQ(connect_there(port), 0);
  const Counters counters = Counters::map(sensor.counters_fd.get()).take();
  EXPECT_EQ(total(counters.produced()), 0U);
  EXPECT_FALSE(tracer.remove_channel(id_).ok());
  wait_for(spawn(session_.cgroup().fd(), [] { return 0; }));
  EXPECT_EQ(total(counters.produced()), 1U) << "the next session is recorded";
}

}  // namespace
}  // namespace carrel::sensor
