// Who connects a socket is on the ring before the kernel looks for a way: every connect(2) below is
// made in a network namespace that has none, and fails.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <thread>

#include "tests/sandbox/sensor/session.h"
#include "tests/support/require.h"

namespace carrel::sensor {
namespace {

struct Tried {
  uint64_t cookie = 0;
  pid_t pid = 0;
  int error = 0;
};

/// What a child saw of its own sockets, in memory that it shares with the test.
class Board {
 public:
  static constexpr size_t kMost = 16;
  Board()
      : tries_(static_cast<Tried*>(mmap(nullptr, kMost * sizeof(Tried), PROT_READ | PROT_WRITE,
                                        MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {
    CHECK(tries_ != MAP_FAILED);
  }
  Board(const Board&) = delete;
  Board& operator=(const Board&) = delete;
  ~Board() { munmap(tries_, kMost * sizeof(Tried)); }
  Tried& operator[](size_t i) const { return tries_[i]; }

 private:
  Tried* tries_;
};

sockaddr_storage address(const char* text) {
  sockaddr_storage out{};
  auto* v4 = reinterpret_cast<sockaddr_in*>(&out);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&out);
  if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(443);
  } else {
    CHECK(inet_pton(AF_INET6, text, &v6->sin6_addr) == 1);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(443);
  }
  return out;
}

enum class How { kConnect, kFastOpen };

void try_it(Tried& tried, const char* text, int type = SOCK_STREAM, How how = How::kConnect) {
  const sockaddr_storage to = address(text);
  const UniqueFd fd(socket(to.ss_family, type | SOCK_CLOEXEC, 0));
  const auto* at = reinterpret_cast<const sockaddr*>(&to);
  const ssize_t got = how == How::kConnect ? connect(fd.get(), at, sizeof to)
                                           : sendto(fd.get(), "x", 1, MSG_FASTOPEN, at, sizeof to);
  tried.error = got < 0 ? errno : 0;
  tried.pid = getpid();
  socklen_t size = sizeof tried.cookie;
  CHECK(getsockopt(fd.get(), SOL_SOCKET, SO_COOKIE, &tried.cookie, &size) == 0);
}

class Flows : public testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_FEATURE("bpf-raw-tracepoints", session_.error().empty());
    REQUIRE_FEATURE("bpf-cgroup-connect", session_.tracer().why_no_flows().empty());
  }
  /// Runs `act` in the session's cgroup, with nowhere to connect to.
  void run(const std::function<void()>& act) {
    const auto prepare = [] { CHECK(unshare(CLONE_NEWNET) == 0); };
    const auto body = [&act] {
      act();
      return 0;
    };
    ASSERT_EQ(session_.run(prepare, body), 0);
    for (const Observation& seen : session_.drain()) {
      if (seen.cookie != 0) flows_.push_back(seen);
    }
    EXPECT_EQ(session_.counters().produced(), session_.reader().recorded());
    EXPECT_EQ(session_.counters().produced()[CARREL_FLOW], flows_.size());
    EXPECT_EQ(session_.reader().malformed(), 0U);
  }

  TestSession session_;
  Board board_;
  std::vector<Observation> flows_;
};

TEST_F(Flows, NameTheProcessOfEverySocketThatIsConnected) {
  run([this] {
    try_it(board_[0], "192.0.2.1");
    try_it(board_[1], "2001:db8::1");
    try_it(board_[2], "::ffff:192.0.2.1");
    try_it(board_[3], "198.51.100.7", SOCK_STREAM, How::kFastOpen);
    std::thread([this] { try_it(board_[4], "192.0.2.1"); }).join();
    const pid_t child = fork();
    if (child == 0) {
      try_it(board_[5], "192.0.2.1");
      _exit(0);
    }
    CHECK(wait_for(child) == 0);
  });
  ASSERT_EQ(flows_.size(), 6U);
  for (size_t i = 0; i < flows_.size(); ++i) {
    EXPECT_EQ(board_[i].error, i == 1 ? EADDRNOTAVAIL : ENETUNREACH) << i;  // 1: IPv6
    EXPECT_EQ(flows_[i].cookie, board_[i].cookie) << i;
    EXPECT_EQ(flows_[i].process.pid, static_cast<uint32_t>(board_[i].pid)) << i;
  }
  EXPECT_EQ(flows_[0].process.id, flows_[4].process.id);  // a thread is its process
  EXPECT_NE(flows_[0].process.id, flows_[5].process.id);
}

TEST_F(Flows, AreNotOfLoopbackNorOfDatagrams) {
  run([this] {
    try_it(board_[0], "127.0.0.1");
    try_it(board_[1], "127.9.9.9");
    try_it(board_[2], "::1");
    try_it(board_[3], "::ffff:127.0.0.1");
    try_it(board_[4], "192.0.2.1", SOCK_DGRAM);
    try_it(board_[5], "2001:db8::1", SOCK_DGRAM);
    try_it(board_[6], "192.0.2.1");  // the control
  });
  ASSERT_EQ(flows_.size(), 1U);
  EXPECT_EQ(flows_[0].cookie, board_[6].cookie);
}

TEST_F(Flows, AreNotOfAServerOutsideOfTheWorkspace) {
  ASSERT_TRUE(session_.tracer().arm(session_.sensor().slot).ok());
  const std::string path = session_.cgroup().make_channel();
  const UniqueFd group(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_TRUE(session_.tracer().add_channel(session_.sensor().slot, TestCgroup::id(path), 7).ok());
  EXPECT_EQ(wait_for(spawn(group.get(),
                           [this] {
                             CHECK(unshare(CLONE_NEWNET) == 0);
                             try_it(board_[0], "192.0.2.1");
                             return 0;
                           })),
            0);
  EXPECT_EQ(board_[0].error, ENETUNREACH);
  EXPECT_EQ(session_.counters().produced()[CARREL_FLOW], 0U);
}

/// Where the folder is none the sensor is there all the same.
TEST(FlowHooks, SayWhyTheyAreNotThere) {
  TestSession with;
  REQUIRE_FEATURE("bpf-raw-tracepoints", with.error().empty());
  trace::TracerOptions options;
  options.folder_id = with.cgroup().folder_id();
  options.folder = "/tmp";
  const auto loaded = trace::Tracer::load(options);
  ASSERT_TRUE(loaded.ok());
  EXPECT_NE(loaded.value()->why_no_flows().find("cgroup/connect4"), std::string::npos);
}

}  // namespace
}  // namespace carrel::sensor
