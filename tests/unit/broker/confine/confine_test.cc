#include "broker/confine/confine.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>

#include "profiles/base/unique_fd.h"
#include "tests/support/require.h"

namespace carrel::confine {
namespace {

constexpr int kNotConfined = 250;

/// What `body` returns in a child that has confined itself (250: it could not).
int after(const Confinement& confinement, const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    const Status status = confine_self(confinement);
    if (!status.ok()) {
      fprintf(stderr, "%s\n", to_string(status.error()).c_str());
      _exit(kNotConfined);
    }
    _exit(body());
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/// 0 when the call worked, else its errno.
int errno_of(long rc) {
  return rc < 0 ? errno : 0;
}

std::vector<std::string> with(std::vector<std::string> more) {
  std::vector<std::string> all = common_syscalls();
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

class Folder {
 public:
  Folder() {
    std::string name = "/tmp/carrel-confine-XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~Folder() { EXPECT_EQ(system(("rm -rf " + path_).c_str()), 0); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(Confine, AlwaysForbidsNewPrivilegesAndDumps) {
  EXPECT_EQ(after({},
                  [] {
                    rlimit core{};
                    getrlimit(RLIMIT_CORE, &core);
                    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
                                   prctl(PR_GET_DUMPABLE) == 0 && core.rlim_max == 0
                               ? 0
                               : 1;
                  }),
            0);
}

TEST(Confine, LeavesOnlyTheListedCalls) {
  Confinement list;
  list.syscalls = common_syscalls();
  const auto open_null = [] { return errno_of(open("/dev/null", O_RDONLY)); };
  const auto make_socket = [] { return errno_of(socket(AF_INET, SOCK_STREAM, 0)); };
  const auto run_true = [] {
    char name[] = "/bin/true";
    char* args[] = {name, nullptr};
    return errno_of(execve(name, args, nullptr));
  };
  EXPECT_EQ(after({}, open_null), 0);
  EXPECT_EQ(after({}, make_socket), 0);
  EXPECT_EQ(after({}, run_true), 0);
  EXPECT_EQ(after(list, open_null), EPERM);
  EXPECT_EQ(after(list, make_socket), EPERM);
  EXPECT_EQ(after(list, run_true), EPERM);
  EXPECT_EQ(after(list, [] { return errno_of(fork()); }), EPERM);
}

TEST(Confine, LeavesTheCallsThatAreAdded) {
  Confinement list;
  list.syscalls = with({"openat", "no-such-call"});
  EXPECT_EQ(after(list, [] { return errno_of(open("/dev/null", O_RDONLY)); }), 0);
}

TEST(Confine, LeavesSocketsOfTheInternetAlone) {
  Confinement list;
  list.syscalls = with({"socket.internet"});
  const auto make = [](int family) {
    return [family] { return errno_of(socket(family, SOCK_STREAM, 0)); };
  };
  EXPECT_EQ(after(list, make(AF_INET)), 0);
  EXPECT_EQ(after(list, make(AF_INET6)), 0);
  EXPECT_EQ(after(list, make(AF_UNIX)), EPERM);
  EXPECT_EQ(after(list, make(AF_NETLINK)), EPERM);
}

TEST(Confine, LeavesConnectionsToTheListedPorts) {
  REQUIRE_FEATURE("landlock", landlock_abi() >= 4);
  const auto connect_to = [](uint16_t port) {
    return [port] {
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_port = htons(port);
      to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      const UniqueFd socket(::socket(AF_INET, SOCK_STREAM, 0));
      return errno_of(connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to));
    };
  };
  Confinement list;
  list.landlock.emplace();
  list.tcp_connect = true;
  EXPECT_EQ(after(list, connect_to(1)), ECONNREFUSED);  // nobody is there, but it may ask
  list.tcp_ports = {2};
  EXPECT_EQ(after(list, connect_to(2)), ECONNREFUSED);
  EXPECT_EQ(after(list, connect_to(1)), EACCES);
  list.tcp_connect = false;
  EXPECT_EQ(after(list, connect_to(2)), EACCES);
}

TEST(Confine, NeverGivesExecutableMemory) {
  Confinement list;
  list.syscalls = common_syscalls();
  const auto map = [](int protection) {
    return [protection] {
      void* got = mmap(nullptr, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      return got == MAP_FAILED ? errno : 0;
    };
  };
  EXPECT_EQ(after(list, map(PROT_READ | PROT_WRITE)), 0);
  EXPECT_EQ(after(list, map(PROT_READ | PROT_EXEC)), EPERM);
  EXPECT_EQ(after({}, map(PROT_READ | PROT_EXEC)), 0);
}

TEST(Confine, LetsAThreadOfAConfinedProcessRun) {
  Confinement list;
  list.syscalls = with({"clone3", "clone"});
  EXPECT_EQ(after(list,
                  [] {
                    int got = 1;
                    std::thread thread([&] { got = errno_of(open("/dev/null", O_RDONLY)); });
                    thread.join();
                    return got;
                  }),
            EPERM);
}

TEST(Confine, RefusesAProcessWithThreads) {
  std::thread waiting;
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    std::thread other([&] {
      char byte = 0;
      (void)!read(ends[0], &byte, 1);
    });
    const Status status = confine_self({});
    _exit(status.ok() ? 0 : status.error().sys_errno);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), EBUSY);
  close(ends[0]);
  close(ends[1]);
}

TEST(Confine, KeepsOnlyTheListedPaths) {
  REQUIRE_FEATURE("landlock", landlock_abi() > 0);
  const Folder folder;
  const std::string inside = folder.path() + "/file";
  const UniqueFd root(open(folder.path().c_str(), O_PATH | O_CLOEXEC));
  const auto make = [&] { return errno_of(open(inside.c_str(), O_RDWR | O_CREAT, 0600)); };
  const auto read_it = [&] { return errno_of(open(inside.c_str(), O_RDONLY)); };
  const auto outside = [] { return errno_of(open("/etc/passwd", O_RDONLY)); };
  Confinement write_inside;
  write_inside.landlock = {{root.get(), PathRights::kReadWrite}};
  EXPECT_EQ(after(write_inside, make), 0);
  EXPECT_EQ(after(write_inside, read_it), 0);
  EXPECT_EQ(after(write_inside, outside), EACCES);
  Confinement read_inside;
  read_inside.landlock = {{root.get(), PathRights::kRead}};
  EXPECT_EQ(after(read_inside, make), EACCES);
  EXPECT_EQ(after(read_inside, read_it), 0);
  Confinement nothing;
  nothing.landlock = std::vector<PathRule>{};
  EXPECT_EQ(after(nothing, read_it), EACCES);
  EXPECT_EQ(after({}, outside), 0);
}

}  // namespace
}  // namespace carrel::confine
