// carrel-notify as an ordinary user's launcher starts it, with a workspace's process and the server
// of an ssh connection in a user namespace of its own below.

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "launcher/service/notifier.h"
#include "launcher/watch/notify/handover.h"
#include "launcher/watch/sensor/counters.h"
#include "launcher/watch/sensor/reader.h"
#include "profiles/base/check.h"
#include "tests/sandbox/notify/as_user.h"
#include "tests/support/require.h"

namespace carrel::notify {
namespace {

constexpr int kPatienceMs = 10'000;

bool write_file(const char* path, const std::string& text) {
  const UniqueFd fd(open(path, O_WRONLY | O_CLOEXEC));
  return fd.valid() && write(fd.get(), text.data(), text.size()) == ssize_t(text.size());
}

/// A user namespace of its own in which the caller is `inside`.
bool enter_user_namespace(uid_t inside, uid_t outside) {
  const std::string map = std::to_string(inside) + " " + std::to_string(outside) + " 1\n";
  return unshare(CLONE_NEWUSER) == 0 && write_file("/proc/self/setgroups", "deny") &&
         write_file("/proc/self/uid_map", map) && write_file("/proc/self/gid_map", map);
}

/// Runs `body` as an ordinary user's launcher would be run, in a process of its own.
constexpr int kNoNamespace = 77;
int run_as_launcher(const std::function<void()>& body) {
  return run_as_user([&body] {
    if (!enter_user_namespace(0, geteuid())) _exit(kNoNamespace);
    body();
  });
}

/// The payload. As a server it stands in a user namespace below.
enum class Where { kWorkspace, kServer };
class Asked {
 public:
  explicit Asked(Where where) {
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    control_.reset(ends[0]);
    const std::string payload = support::built("tests/payload_sensor_asked_server");
    pid_ = fork();
    if (pid_ == 0) {
      const std::string number = std::to_string(dup(ends[1]));
      if (where == Where::kServer && !enter_user_namespace(1000, 0)) _exit(98);
      execl(payload.c_str(), payload.c_str(), number.c_str(), nullptr);
      _exit(99);
    }
    close(ends[1]);
    auto came = receive_handover(control_.get(), 1);
    CHECK(came.has_value());
    listener_ = std::move(came->fd);
  }
  Asked(const Asked&) = delete;
  Asked& operator=(const Asked&) = delete;
  ~Asked() { end(); }

  [[nodiscard]] int listener() const { return listener_.get(); }
  void let_go_of_listener() { listener_.reset(); }
  /// The errno of what it did.
  int ask(char kind, uint16_t port = 0) {
    begin(kind, port);
    pollfd wait{control_.get(), POLLIN, 0};
    int error = -1;
    if (poll(&wait, 1, kPatienceMs) != 1) return -1;
    return read(control_.get(), &error, sizeof error) == sizeof error ? error : -1;
  }
  void begin(char kind, uint16_t port = 0) {
    const struct {
      char kind;
      uint16_t port;
    } wish{kind, port};
    CHECK(write(control_.get(), &wish, sizeof wish) == sizeof wish);
  }
  void end() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  UniqueFd control_, listener_;
  pid_t pid_ = -1;
};

/// carrel-notify, which serves one process of a workspace.
class Launcher {
 public:
  Launcher()
      : notifier(service::Notifier::start(support::built("libexec/carrel/carrel-notify")).take()),
        counters(sensor::Counters::map(notifier.counters_fd()).take()) {
    int byte = 0;
    CHECK(send_message(notifier.listener_fd(), &byte, 1, {workspace.listener()}));
    workspace.let_go_of_listener();
    notifier.let_go_of_listener();
    at_.sin_family = AF_INET;
    at_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at_;
    CHECK(bind(listening_.get(), reinterpret_cast<sockaddr*>(&at_), size) == 0);
    CHECK(listen(listening_.get(), 16) == 0);
    CHECK(getsockname(listening_.get(), reinterpret_cast<sockaddr*>(&at_), &size) == 0);
  }
  ~Launcher() {
    workspace.end();
    notifier.reap(kPatienceMs);
  }
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;

  static bool send_message(int socket_fd, const void* bytes, size_t size,
                           const std::vector<int>& fds) {
    iovec part{const_cast<void*>(bytes), size};
    alignas(cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (!fds.empty()) {
      message.msg_control = control;
      message.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
      cmsghdr* rights = CMSG_FIRSTHDR(&message);
      rights->cmsg_level = SOL_SOCKET;
      rights->cmsg_type = SCM_RIGHTS;
      rights->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
      std::memcpy(CMSG_DATA(rights), fds.data(), fds.size() * sizeof(int));
    }
    return sendmsg(socket_fd, &message, MSG_NOSIGNAL) == ssize_t(size);
  }

  [[nodiscard]] uint16_t port() const { return ntohs(at_.sin_port); }
  void watch(Asked& server, uint32_t channel) {
    ASSERT_TRUE(notifier.watch_channel(channel, server.listener()).ok());
    server.let_go_of_listener();
  }
  /// The next record as "net.forward 127.0.0.1 80 channel 9"; "" where none comes.
  std::string next() {
    while (seen_.empty()) {
      pollfd wait{notifier.records_fd(), POLLIN, 0};
      char bytes[4096];
      const ssize_t got =
          poll(&wait, 1, kPatienceMs) == 1 ? read(notifier.records_fd(), bytes, sizeof bytes) : 0;
      if (got <= 0) return "";
      reader_.feed({bytes, size_t(got)}, seen_);
    }
    const sensor::Observation seen = seen_.front();
    seen_.erase(seen_.begin());
    return describe(seen);
  }
  /// Whether the other side of this descriptor closes.
  static bool is_closed(int fd) {
    pollfd wait{fd, 0, 0};
    return poll(&wait, 1, kPatienceMs) == 1 && (wait.revents & POLLHUP) != 0;
  }

  Asked workspace{Where::kWorkspace};
  service::Notifier notifier;
  sensor::Counters counters;

 private:
  static std::string describe(const sensor::Observation& seen) {
    std::string text(events::type_name(seen.data));
    if (const auto* forward = std::get_if<events::NetForward>(&seen.data)) {
      text += " " + forward->address + " " + std::to_string(forward->port);
      EXPECT_EQ(seen.process, events::Process{});
    } else if (const auto* connect = std::get_if<events::NetConnect>(&seen.data)) {
      text += " " + connect->address + " " + std::to_string(connect->port);
      EXPECT_NE(seen.process.id, 0U);
    }
    if (seen.channel != 0) text += " channel " + std::to_string(seen.channel);
    return seen.error == 0 ? text : text + " " + errno_name(seen.error);
  }
  UniqueFd listening_{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in at_{};
  sensor::Reader reader_;
  std::vector<sensor::Observation> seen_;
};

#define RUN_AS_LAUNCHER(...)                                  \
  const int status = run_as_launcher(__VA_ARGS__);            \
  REQUIRE_FEATURE("user-namespaces", status != kNoNamespace); \
  EXPECT_EQ(status, 0)

TEST(Servers, ConnectionsAreRecordedWithTheirChannel) {
  RUN_AS_LAUNCHER([] {
    Launcher launcher;
    const std::string port = std::to_string(launcher.port());
    Asked server(Where::kServer);
    Asked other(Where::kServer);
    launcher.watch(server, 9);
    launcher.watch(other, 10);
    EXPECT_EQ(server.ask('d', launcher.port()), 0);
    EXPECT_EQ(server.ask('u'), ENOENT);
    EXPECT_EQ(server.ask('c', launcher.port()), 0);
    EXPECT_EQ(launcher.next(), "net.forward 127.0.0.1 " + port + " channel 9");
    EXPECT_EQ(other.ask('c', launcher.port()), 0);
    EXPECT_EQ(launcher.next(), "net.forward 127.0.0.1 " + port + " channel 10");
    EXPECT_EQ(launcher.workspace.ask('c', launcher.port()), 0);
    EXPECT_EQ(launcher.next(), "process.fork");  // the workspace's process alone is one
    EXPECT_EQ(launcher.next(), "net.connect 127.0.0.1 " + port);
    EXPECT_EQ(sensor::total(launcher.counters.produced()), 4U);
  });
}

TEST(Servers, DoNotConnectToWhatCannotBeRead) {
  RUN_AS_LAUNCHER([] {
    Launcher launcher;
    Asked server(Where::kServer);
    launcher.watch(server, 9);
    EXPECT_EQ(server.ask('b'), EACCES);
    EXPECT_EQ(launcher.next(), "net.forward  0 channel 9 EACCES");
    EXPECT_EQ(server.ask('s', launcher.port()), EINVAL);
    EXPECT_EQ(server.ask('c', launcher.port()), 0);
    EXPECT_EQ(launcher.next(),
              "net.forward 127.0.0.1 " + std::to_string(launcher.port()) + " channel 9");
  });
}

TEST(Servers, DoNotConnectWhereNobodyKeepsRecords) {
  RUN_AS_LAUNCHER([] {
    Launcher launcher;
    Asked server(Where::kServer);
    launcher.watch(server, 9);
    EXPECT_EQ(server.ask('c', launcher.port()), 0);
    launcher.notifier.let_go_of_records();
    const int error = server.ask('c', launcher.port());
    EXPECT_TRUE(error == ENOSYS || error == EACCES) << error;
    EXPECT_FALSE(launcher.counters.over());
  });
}

TEST(Servers, DoNotDelayTheEndOfTheWorkspace) {
  RUN_AS_LAUNCHER([] {
    Launcher launcher;
    Asked server(Where::kServer);
    launcher.watch(server, 9);
    EXPECT_EQ(server.ask('c', launcher.port()), 0);
    EXPECT_NE(launcher.next(), "");
    launcher.workspace.end();
    EXPECT_TRUE(Launcher::is_closed(launcher.notifier.records_fd()));
    EXPECT_TRUE(launcher.counters.over());
    EXPECT_EQ(server.ask('c', launcher.port()), ENOSYS);
  });
}

TEST(Servers, ThatEndAreForgottenAndAWrongDescriptorIsToo) {
  RUN_AS_LAUNCHER([] {
    Launcher launcher;
    {
      Asked server(Where::kServer);
      launcher.watch(server, 9);
      EXPECT_EQ(server.ask('c', launcher.port()), 0);
      EXPECT_NE(launcher.next(), "");
    }
    const UniqueFd wrong(open("/dev/null", O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(launcher.notifier.watch_channel(10, wrong.get()).ok());
    Asked server(Where::kServer);
    launcher.watch(server, 11);
    EXPECT_EQ(server.ask('c', launcher.port()), 0);
    EXPECT_NE(launcher.next(), "");
    EXPECT_EQ(launcher.workspace.ask('c', launcher.port()), 0);
    EXPECT_NE(launcher.next(), "");
    EXPECT_FALSE(launcher.counters.over());
  });
}

TEST(Servers, AMalformedMessageClosesTheirSocketAlone) {
  struct Bad {
    const char* what;
    size_t size;
    uint32_t channel;
    int fds;
  };
  for (const Bad& bad : {Bad{"no descriptor", 4, 9, 0}, Bad{"two descriptors", 4, 9, 2},
                         Bad{"many descriptors", 4, 9, 4}, Bad{"short", 3, 9, 1},
                         Bad{"long", 5, 9, 1}, Bad{"channel 0", 4, 0, 1}}) {
    RUN_AS_LAUNCHER([bad] {
      SCOPED_TRACE(bad.what);
      Launcher launcher;
      Asked served(Where::kServer);
      launcher.watch(served, 8);
      Asked server(Where::kServer);
      const std::vector<int> fds(size_t(bad.fds), server.listener());
      const uint32_t words[2] = {bad.channel, 0};
      ASSERT_TRUE(Launcher::send_message(launcher.notifier.channels_fd(), words, bad.size, fds));
      EXPECT_TRUE(Launcher::is_closed(launcher.notifier.channels_fd()));
      EXPECT_FALSE(launcher.notifier.watch_channel(9, server.listener()).ok());
      // Nobody answers for it.
      server.let_go_of_listener();
      EXPECT_EQ(server.ask('c', launcher.port()), ENOSYS);
      EXPECT_EQ(served.ask('c', launcher.port()), 0);
      EXPECT_EQ(launcher.next(),
                "net.forward 127.0.0.1 " + std::to_string(launcher.port()) + " channel 8");
      EXPECT_EQ(launcher.workspace.ask('c', launcher.port()), 0);
      EXPECT_NE(launcher.next(), "");
      EXPECT_FALSE(launcher.counters.over());
    });
  }
}

}  // namespace
}  // namespace carrel::notify
